/* The campaign's page: numbers that follow the ticked groups, the checks of the people, the two lines of an inbox. */
(() => {
    "use strict";
    const form = document.querySelector("#content-main form");
    const configElement = document.getElementById("preview-config");
    if (!form || !configElement) return;
    const client = JSON.parse(configElement.textContent).extra.client;
    const PAUSE_MS = 350;

    /* Who gets it */
    const audience = document.querySelector("[data-audience]");
    let asked = 0;

    const ticked = (name) => [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);

    function tickedQuery() {
        const query = new URLSearchParams({ client });
        ticked("include_groups").forEach((id) => query.append("include", id));
        ticked("exclude_groups").forEach((id) => query.append("exclude", id));
        ticked("include_segments").forEach((id) => query.append("include_segment", id));
        ticked("exclude_segments").forEach((id) => query.append("exclude_segment", id));
        return query;
    }

    async function count(query) {
        const number = ++asked;
        const response = await fetch(`${audience.dataset.audience}?${query}`).catch(() => null);
        if (number !== asked) return;
        if (response && response.ok) audience.innerHTML = await response.text();
        else audience.textContent = "The numbers cannot be fetched now. They come with Review and send.";
    }

    if (audience) {
        if (audience.dataset.query) count(audience.dataset.query);
        form.addEventListener("change", (event) => {
            if (/^(include|exclude)_(groups|segments)$/.test(event.target.name)) count(tickedQuery());
        });
    }

    /* Checks: what takes looking through the people comes after the page. */
    const checks = document.querySelector("[data-checks-list]");
    if (checks) {
        fetch(checks.dataset.checksList)
            .then((response) => (response.ok ? response.text() : ""))
            .then((text) => {
                if (text) checks.innerHTML = text;
            })
            .catch(() => {});
        const unsaved = document.querySelector("[data-unsaved]");
        form.addEventListener("input", () => {
            unsaved.hidden = false;
        });
    }

    /* Subject and preheader */
    const side = document.querySelector("[data-hints-url]");
    const rows = form.querySelector("[data-inbox-rows]");
    const panel = document.querySelector("[data-preview]");
    if (!side || !rows) return;
    const field = (name) => form.elements.namedItem(name);
    const put = (name, text) => rows.querySelectorAll(`[data-row-${name}]`).forEach((element) => {
        element.textContent = text;
    });
    let hintsAsked = 0;
    let timer = 0;

    function showCount(name, words, isLong) {
        const line = form.querySelector(`[data-count="${name}"]`);
        line.textContent = words;
        line.hidden = false;
        line.classList.toggle("ex-count-long", isLong);
    }

    function showHints(answer) {
        const { subject, preheader } = answer;
        showCount(
            "subject",
            `${subject.length} characters · phones show about ${subject.phone}, desktops ${subject.desktop}`,
            subject.length > subject.desktop,
        );
        showCount(
            "preheader",
            `${preheader.length} characters · inboxes show up to ${preheader.shown}`,
            preheader.length > preheader.shown,
        );
        rows.querySelector("[data-hints]").replaceChildren(...answer.hints.map((hint) => {
            const item = document.createElement("li");
            item.textContent = hint.message;
            return item;
        }));
    }

    async function askHints() {
        const number = ++hintsAsked;
        const query = new URLSearchParams({ client });
        ["template", "subject", "preheader"].forEach((name) => query.set(name, field(name).value));
        const response = await fetch(`${side.dataset.hintsUrl}?${query}`).catch(() => null);
        // Signed out meanwhile, the answer is the page to sign in on.
        if (!response || !response.ok || response.redirected || number !== hintsAsked) return;
        showHints(await response.json());
    }

    /* The preview knows the person and the values of the merge tags; without it, what was typed stands here. */
    function showRows() {
        const shown = (name) => (panel && panel.querySelector(`[data-${name}]`) ? panel.querySelector(`[data-${name}]`).textContent : field(name).value);
        const from = field("from_name").value || field("from_email").value;
        put("from", from);
        put("initial", [...from][0] || "?");
        put("subject", shown("subject") || "No subject yet");
        put("preheader", shown("preheader"));
        rows.hidden = false;
    }

    function later() {
        clearTimeout(timer);
        timer = setTimeout(() => {
            askHints();
            showRows();
        }, PAUSE_MS);
    }

    if (panel) {
        ["subject", "preheader"].forEach((name) => {
            const element = panel.querySelector(`[data-${name}]`);
            if (element) new MutationObserver(showRows).observe(element, { childList: true, characterData: true, subtree: true });
        });
    }
    form.addEventListener("input", (event) => {
        if (["subject", "preheader", "from_name", "from_email", "template"].includes(event.target.name)) later();
    });
    form.addEventListener("change", (event) => {
        if (event.target.name === "template") later();
    });
    askHints();
    showRows();
})();
