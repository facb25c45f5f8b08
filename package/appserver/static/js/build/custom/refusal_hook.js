// UCC writes the reason of a refused save at the top of a form. Who has just pressed the button at its bottom may see
// nothing of it, and who listens to the page hears nothing. Here it is brought into view and announced.
const REFUSAL = '[data-test="message"][data-test-type="error"]';
let shown = new Map();
let observer;

function show() {
    const present = Array.from(document.querySelectorAll(REFUSAL));
    present.forEach((refusal) => {
        if (shown.get(refusal) !== refusal.textContent) {
            refusal.setAttribute('role', 'alert');
            refusal.scrollIntoView({ block: 'nearest' });
        }
    });
    shown = new Map(present.map((refusal) => [refusal, refusal.textContent]));
}

export function showRefusals() {
    if (!observer) {
        observer = new MutationObserver(show);
        observer.observe(document.body, { childList: true, characterData: true, subtree: true });
    }
}

// The hook of the forms that need nothing else.
class RefusalHook {
    constructor() {
        showRefusals();
    }
}

export default RefusalHook;
