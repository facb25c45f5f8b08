import { showRefusals } from './refusal_hook.js';

// Offers, for a new input, what nobody should have to make up: a verify token and a callback URL that cannot be
// guessed. Whatever the user types instead is left alone.
const TOKEN_BYTES = 24;
const PATH_BYTES = 16;
const HTTPS_PORT = '443';

class InputHook {
    constructor(globalConfig, serviceName, state, mode, util) {
        showRefusals();
        this.mode = mode;
        this.util = util;
        this.offered = '';
        this.path = `/strava/${random(PATH_BYTES)}`;
    }

    onCreate() {
        if (this.mode === 'create') {
            this.util.setState((state) => this.offer(state));
        }
    }

    onChange(field, value, state) {
        // The port is a part of the offered URL, and so is what stands in front of it.
        const isOffered = this.offered && state.data.callback_url.value === this.offered;
        if (isOffered && (field === 'port' || field === 'in_front')) {
            this.util.setState((previous) => this.withUrl(previous));
        }
    }

    offer(state) {
        const token = state.data.verify_token;
        return this.withUrl({
            ...state,
            data: {
                ...state.data,
                verify_token: {
                    ...token,
                    value: token.value || random(TOKEN_BYTES),
                    // An eye beside the field: the token is needed once more, where the subscription is made.
                    modifiedEntitiesData: { ...token.modifiedEntitiesData, passwordVisibilityToggle: true },
                },
            },
        });
    }

    withUrl(state) {
        const url = state.data.callback_url;
        this.offered = this.url(state);
        return { ...state, data: { ...state.data, callback_url: { ...url, value: this.offered } } };
    }

    url(state) {
        const front = state.data.in_front && state.data.in_front.value;
        // Whatever is in front of the port is most likely found where https is found.
        const port = front && front !== 'nothing' ? HTTPS_PORT : String(state.data.port.value || '').trim();
        const suffix = port === HTTPS_PORT || !/^[0-9]{1,5}$/.test(port) ? '' : `:${port}`;
        return `https://${window.location.hostname}${suffix}${this.path}`;
    }
}

function random(bytes) {
    const numbers = window.crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(numbers, (number) => number.toString(16).padStart(2, '0')).join('');
}

export default InputHook;
