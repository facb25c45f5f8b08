// The frame that Splunk Web puts around an app's page: a bar on top, and a container for the page. How it looks is our
// own; what the page relies on is `create(options).getContainerElement()` and the header's `data-view`.
(() => {
    const link = (text, href) => {
        const element = document.createElement('a');
        element.textContent = text;
        element.href = href;
        element.style.cssText = 'color: inherit; text-decoration: none; padding: 4px 10px; border-radius: 3px;';
        return element;
    };

    const create = (options = {}) => {
        const root = document.createElement('div');
        root.style.cssText = 'display: flex; flex-direction: column; min-height: 100vh;';
        const container = document.createElement('div');
        container.style.cssText = 'display: flex; flex-direction: column; flex: 1 0 auto;';
        if (!options.hideChrome) {
            const { chrome } = window.$C;
            const header = document.createElement('header');
            header.dataset.view = 'splunkjs/mvc/headerview';
            header.style.cssText =
                'display: flex; align-items: center; gap: 4px; padding: 8px 20px; ' +
                'background: #1f2733; color: #ffffff; font: 14px/20px system-ui, sans-serif;';
            const title = link(chrome.title, chrome.home);
            title.style.fontWeight = 'bold';
            const navigation = document.createElement('nav');
            navigation.setAttribute('aria-label', 'App');
            navigation.style.cssText = 'display: flex; flex: 1; gap: 4px; margin-left: 16px;';
            chrome.items.forEach((item) => {
                const element = link(item.label, item.href);
                if (window.location.pathname === item.href) {
                    element.setAttribute('aria-current', 'page');
                    element.style.background = '#43506180';
                    element.style.boxShadow = 'inset 0 -2px #ffffff';
                }
                navigation.append(element);
            });
            const user = document.createElement('span');
            user.textContent = chrome.user;
            user.style.padding = '4px 10px';
            const back = encodeURIComponent(window.location.pathname + window.location.search);
            const theme = link(chrome.theme.label, `${chrome.theme.href}&return_to=${back}`);
            header.append(title, navigation, theme, user, link('Log out', chrome.logout));
            root.append(header);
        }
        root.append(container);
        document.body.style.margin = '0';
        document.body.prepend(root);
        return { getContainerElement: () => container };
    };

    window.__splunk_layout__ = { create };
})();
