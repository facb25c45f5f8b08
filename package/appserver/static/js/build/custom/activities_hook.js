import { showRefusals } from './refusal_hook.js';

// Says below the interval what listing costs, for as many athletes as are chosen.
const DAY = 86400;
// What Strava allows an application that has not asked for more.
const USUAL_CALLS = 1000;

class ActivitiesHook {
    constructor(globalConfig, serviceName, state, mode, util) {
        showRefusals();
        this.util = util;
        const service = globalConfig.pages.inputs.services.find((one) => one.name === serviceName);
        this.help = service.entity.find((one) => one.field === 'interval').help;
    }

    onCreate() {
        this.util.setState((state) => this.withCost(state, {}));
    }

    onChange(field, value) {
        if (field === 'interval' || field === 'athletes') {
            this.util.setState((state) => this.withCost(state, { [field]: value }));
        }
    }

    withCost(state, changed) {
        const { data } = state;
        const text = (field) => String((field in changed ? changed[field] : data[field].value) || '').trim();
        const athletes = text('athletes').split(',').filter((name) => name.trim()).length;
        const help = `${this.help} ${cost(text('interval'), athletes)}`.trim();
        const modifiedEntitiesData = { ...data.interval.modifiedEntitiesData, help };
        return { ...state, data: { ...data, interval: { ...data.interval, modifiedEntitiesData } } };
    }
}

function cost(interval, athletes) {
    if (!/^[1-9][0-9]{0,8}$/.test(interval)) {
        return '';
    }
    const each = DAY / Number(interval);
    const calls = round(each * (athletes || 1));
    const whose = athletes ? `${athletes} ${athletes === 1 ? 'athlete' : 'athletes'}` : 'each athlete';
    return `As entered: ${calls} calls a day for ${whose}; Strava usually allows ${USUAL_CALLS} a day in all.`;
}

function round(calls) {
    return calls < 10 ? String(Math.round(calls * 10) / 10) : String(Math.round(calls));
}

export default ActivitiesHook;
