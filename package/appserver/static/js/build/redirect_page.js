// Where Strava sends the browser back to. UCC's own page of this name forwards only the code and the state; the scopes
// that the athlete ticked, and the reason of a refusal, would be lost. UCC's page hands `code` to our REST handler as it
// is, so all three travel in it, form encoded: `code=…&scope=…&error=…`. The handler is TA_strava_webhook_rh_oauth.py.
(() => {
    const answer = new URLSearchParams(window.location.search);
    const packed = new URLSearchParams();
    ['code', 'scope', 'error'].forEach((name) => {
        if (answer.has(name)) {
            packed.set(name, answer.get(name));
        }
    });
    if (!window.opener || !window.opener.getMessage) {
        document.body.textContent =
            'This page was not opened by the tab Athletes of the add-on. Open Configuration, Athletes and save there.';
        return;
    }
    window.opener.getMessage({
        // UCC's page decodes the code once.
        code: encodeURIComponent(packed.toString()),
        // UCC's page compares it with the one it sent and refuses another.
        state: answer.has('state') ? answer.get('state') : undefined,
    });
    window.close();
})();
