// The tab "Set-up check": asks the add-on's endpoint strava_check, and shows its lines as a table.
//
// UCC makes the contents of every tab when the page is opened. The check calls Strava, so it is made when somebody
// looks at it first, and with each press of the button.
const STATUS = { pass: 'Pass', warn: 'Warning', fail: 'Fault' };

const TOPIC = {
    configuration: 'Configuration',
    application: 'Application',
    athlete: 'Athlete',
    process: 'Input process',
    listener: 'Listener',
    certificate: 'Certificate',
    callback: 'Callback URL',
    subscription: 'Subscription',
    worker: 'Worker',
    queue: 'Queue',
    dead_letters: 'Given up',
    history: 'History',
    missed: 'Missed by webhook',
    listing: 'Cost of lists',
    privacy: 'Left out',
    quota: 'Rate limit',
    index: 'Index',
    macro: 'Search macro',
    clock: 'Clock',
    disk: 'Disk space',
};

// Colours of the words hold in both themes: each word brings its own background.
const STYLE = `
.strava-check { color: inherit; font-size: 14px; line-height: 1.45; padding: 12px 0 24px; }
.strava-check h2 { font-size: 20px; font-weight: 600; margin: 0 0 8px; }
.strava-check p { margin: 0 0 12px; max-width: 75em; }
.strava-check button { font: inherit; font-weight: 600; padding: 6px 16px; margin: 0 0 16px; border-radius: 3px;
    border: 1px solid currentColor; background: transparent; color: inherit; cursor: pointer; }
.strava-check button[aria-disabled=true] { cursor: progress; }
.strava-check button:focus-visible { outline: 3px solid #3993ff; outline-offset: 2px; }
.strava-check table { border-collapse: collapse; width: 100%; table-layout: fixed; }
.strava-check caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
    white-space: nowrap; }
.strava-check th, .strava-check td { text-align: left; vertical-align: top; padding: 8px 12px 8px 0;
    border-bottom: 1px solid rgba(128, 128, 128, .5); overflow-wrap: anywhere; font-weight: 400; color: inherit; }
.strava-check thead th { font-weight: 600; }
.strava-check col.status { width: 7em; }
.strava-check col.what { width: 15em; }
.strava-check .word { display: inline-block; padding: 1px 8px; border-radius: 3px; font-weight: 600; color: #fff; }
.strava-check .pass { background: #1a6b3a; }
.strava-check .warn { background: #8a4b00; }
.strava-check .fail { background: #b3182a; }
`;

class CheckTab {
    constructor(tab, element) {
        this.element = element;
        this.isBusy = false;
    }

    render() {
        const root = make('section', 'strava-check');
        root.setAttribute('aria-labelledby', 'strava-check-title');
        this.matchTheme(root);
        const style = document.createElement('style');
        style.textContent = STYLE;
        const title = make('h2', '', 'Set-up check');
        title.id = 'strava-check-title';
        const about = make(
            'p',
            '',
            'Looks at everything between Strava and the index, and says what to do where something is missing. ' +
                'It asks Strava and calls each callback URL as Strava does; that may take some 20 seconds.'
        );
        this.button = make('button', '', 'Check again');
        this.button.type = 'button';
        this.button.addEventListener('click', () => this.check());
        this.summary = make('p', 'summary');
        this.summary.setAttribute('role', 'status');
        this.place = make('div', 'lines');
        root.append(style, title, about, this.button, this.summary, this.place);
        this.element.replaceChildren(root);
        const observer = new IntersectionObserver((entries) => {
            if (entries.some((entry) => entry.isIntersecting)) {
                observer.disconnect();
                this.check();
            }
        });
        observer.observe(root);
    }

    // What Splunk's own components say of the theme does not reach a plain element; the tab's heading has its colour.
    matchTheme(root) {
        const near = document.querySelector('[data-test="tab"], [role="tab"]');
        root.style.color = near ? window.getComputedStyle(near).color : 'inherit';
        root.style.fontFamily = near ? window.getComputedStyle(near).fontFamily : 'inherit';
    }

    async check() {
        if (this.isBusy) {
            return;
        }
        this.setBusy(true);
        this.summary.textContent = 'Checking …';
        try {
            const lines = await load();
            this.place.replaceChildren(table(lines));
            this.summary.textContent = lines.length ? lines[0].summary : 'The check has no lines.';
        } catch (error) {
            this.place.replaceChildren();
            this.summary.textContent = `The check could not be made. ${error.message}`;
        } finally {
            this.setBusy(false);
        }
    }

    // A button that were disabled would lose the focus.
    setBusy(isBusy) {
        this.isBusy = isBusy;
        this.button.setAttribute('aria-disabled', String(isBusy));
        this.place.setAttribute('aria-busy', String(isBusy));
    }
}

async function load() {
    const response = await fetch(`${splunkd()}/servicesNS/nobody/TA_strava_webhook/strava_check?output_mode=json&count=-1`, {
        credentials: 'same-origin',
        headers: { 'X-Requested-With': 'XMLHttpRequest' },
    });
    let answer = {};
    try {
        answer = await response.json();
    } catch (error) {
        answer = {};
    }
    if (!response.ok || !Array.isArray(answer.entry)) {
        throw new Error(sentence(response.status, answer));
    }
    return answer.entry
        .map((entry) => entry.content)
        .sort((one, other) => String(one.position).localeCompare(String(other.position)));
}

function sentence(status, answer) {
    if (status === 401) {
        return 'Your session has ended: log in again.';
    }
    if (status === 403) {
        return 'It needs the capability read_ta_strava_webhook: ask an administrator of this Splunk.';
    }
    const said = Array.isArray(answer.messages) && answer.messages[0] && answer.messages[0].text;
    return said || `Splunk answered with status ${status}: try again in a minute.`;
}

function splunkd() {
    const known = window.$C && window.$C.SPLUNKD_PATH;
    return known || `${window.location.pathname.split('/app/')[0]}/splunkd/__raw`;
}

function table(lines) {
    const made = document.createElement('table');
    made.append(make('caption', '', 'Findings, the first to be mended first'));
    const columns = document.createElement('colgroup');
    columns.append(make('col', 'status'), make('col', 'what'), make('col'), make('col'));
    const head = document.createElement('thead');
    head.append(row('th', ['Status', 'What', 'Seen', 'What to do']));
    const body = document.createElement('tbody');
    lines.forEach((line) => {
        const found = row('td', ['', what(line), line.seen, line.to_do]);
        found.dataset.name = line.subject ? `${line.topic}:${line.subject}` : line.topic;
        found.firstChild.append(make('span', `word ${line.status}`, STATUS[line.status] || line.status));
        body.append(found);
    });
    made.append(columns, head, body);
    return made;
}

function what(line) {
    const topic = TOPIC[line.topic] || line.topic;
    return line.subject ? `${topic} ${line.subject}` : topic;
}

function row(kind, texts) {
    const made = document.createElement('tr');
    texts.forEach((text) => {
        const cell = make(kind, '', text);
        if (kind === 'th') {
            cell.scope = 'col';
        }
        made.append(cell);
    });
    return made;
}

function make(kind, className = '', text = '') {
    const made = document.createElement(kind);
    if (className) {
        made.className = className;
    }
    if (text) {
        made.textContent = text;
    }
    return made;
}

export default CheckTab;
