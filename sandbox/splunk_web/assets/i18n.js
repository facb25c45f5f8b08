// Texts in other languages: there are none here. Pages call these before they show a text.
(() => {
    const asIs = (text) => text;
    window.i18n_register = () => {};
    window.i18n_locale = { locale_name: 'en_US' };
    window._ = window._ || asIs;
    window.gettext = asIs;
    window.ngettext = (one, many, count) => (count === 1 ? one : many);
})();
