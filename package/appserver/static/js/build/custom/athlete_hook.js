import { showRefusals } from './refusal_hook.js';

// Fills in what UCC's consent popup needs from the form and what the user should not have to type twice: the client ID
// of the chosen application, and Strava's host from the OAuth URL on the tab Advanced.
class AthleteHook {
    constructor(globalConfig, serviceName, state, mode, util) {
        showRefusals();
        this.util = util;
        this.root = globalConfig.meta.restRoot;
        this.app = globalConfig.meta.name;
        // Asked for now, not when saving: the popup must open right after the click, or the browser blocks it.
        this.applications = this.read(`${this.root}_application`);
        this.settings = this.read(`${this.root}_settings/advanced`);
        this.applications.catch(() => {});
        this.settings.catch(() => {});
    }

    async read(path) {
        const base = `${window.$C.SPLUNKD_PATH}/servicesNS/nobody/${encodeURIComponent(this.app)}`;
        const answer = await fetch(`${base}/${path.split('/').map(encodeURIComponent).join('/')}?output_mode=json&count=-1`, {
            credentials: 'include',
            headers: { 'X-Requested-With': 'XMLHttpRequest' },
        });
        if (!answer.ok) {
            throw new Error(`status ${answer.status}`);
        }
        return (await answer.json()).entry;
    }

    async onSave(form) {
        let clientId;
        let host;
        try {
            const application = (await this.applications).find((entry) => entry.name === form.application);
            const advanced = (await this.settings).find((entry) => entry.name === 'advanced');
            clientId = application && application.content.client_id;
            host = advanced && new URL(advanced.content.oauth_url).host;
        } catch (error) {
            this.util.setErrorMsg('The applications could not be read from Splunk. Reload the page and try again.');
            return false;
        }
        this.util.setState((previous) => {
            const data = { ...previous.data };
            if (clientId) {
                data.client_id = { ...data.client_id, value: String(clientId) };
            }
            if (host) {
                data.endpoint = { ...data.endpoint, value: host };
            }
            return { ...previous, data };
        });
        return true;
    }
}

export default AthleteHook;
