// Prints what is wrong with definitions of dashboards by the framework's schema: a list for each file, as JSON.
import { readFileSync } from 'node:fs';
import { DashboardValidator } from '@splunk/dashboard-validation';

const validator = new DashboardValidator();
const faults = process.argv.slice(2).map((file) => validator.validate(JSON.parse(readFileSync(file, 'utf8'))) ?? []);
console.log(JSON.stringify(faults));
