/* The preview panel: sends what the form holds after a pause in typing, and shows what comes back. */
(() => {
    "use strict";
    const panel = document.querySelector("[data-preview]");
    if (!panel) return;
    const config = JSON.parse(document.getElementById("preview-config").textContent);
    const form = document.querySelector("#content-main form");
    const code = window.exCode;
    const parts = Object.fromEntries(
        ["stage", "paper", "handle", "width", "sender", "face", "subject", "preheader", "text", "wait", "note", "findings",
            "size", "size-bar", "size-words", "summary", "checks", "hints", "links", "sample", "person"].map(
            (name) => [name, panel.querySelector(`[data-${name}]`)],
        ),
    );
    const PAUSE_MS = 400;
    const PHONE = 375;
    const NARROWEST = 280;
    const FIELD_NAMES = { html: "HTML", text: "Plain text", subject: "Subject", preheader: "Preheader" };
    const toggles = { dark: false, imageless: false };
    let timer = 0;
    let asked = 0;
    let frame = null;
    let mail = null;
    let lastBody = "";
    let people = [];
    let values = {};
    let width = 0;

    /* Findings belong beneath the code, where there is any. */
    const html = form && form.elements.namedItem("html");
    if (code && code.isEditor() && html) {
        const row = html.closest(".form-row, .field-html, .field-row") || html.parentElement;
        row.after(parts.findings);
        parts.findings.classList.add("ex-findings-beneath");
    }

    const field = (name) => form && form.elements.namedItem(name);

    function body() {
        const data = new URLSearchParams({ ...config.fixed, ...config.extra, values: JSON.stringify(values) });
        if (parts.sample.value && !Object.keys(values).length) data.set("sample", parts.sample.value);
        for (const name of config.fields) {
            const element = field(name);
            if (element) data.set(name, element.value);
        }
        return data.toString();
    }

    async function refresh() {
        const data = body();
        if (data === lastBody) return;
        lastBody = data;
        const number = ++asked;
        const token = form && field("csrfmiddlewaretoken");
        try {
            const response = await fetch(config.url, {
                method: "POST",
                headers: {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "X-CSRFToken": token ? token.value : "",
                },
                body: data,
            });
            if (!response.ok) throw new Error(String(response.status));
            const answer = await response.json();
            if (number === asked) show(answer);
        } catch (error) {
            if (number !== asked) return;
            lastBody = "";
            wait("The preview cannot be reached. It tries again when you type.");
        }
    }

    function show(answer) {
        showSize(answer);
        showFindings(answer.findings);
        showLinks(answer.links || []);
        if (!answer.mail) {
            wait(frame ? "This is the last version without mistakes." : "The preview appears when the mistakes are put right.");
            return;
        }
        wait("");
        mail = answer.mail;
        parts.sender.textContent = mail.sender || "";
        parts.face.textContent = (mail.sender || "?").trim().slice(0, 1).toUpperCase();
        parts.subject.textContent = mail.subject || "No subject yet";
        parts.preheader.textContent = mail.preheader;
        parts.text.textContent = mail.text;
        swapFrame();
    }

    /* The new version loads behind the old one and takes its place and its scroll position: nothing flickers. */
    function swapFrame() {
        const next = document.createElement("iframe");
        next.setAttribute("sandbox", "allow-same-origin");
        next.title = "The mail";
        next.hidden = true;
        next.addEventListener("load", () => {
            const top = frame ? scrollTop(frame) : 0;
            next.hidden = false;
            if (frame) frame.remove();
            frame = next;
            if (top && next.contentWindow) next.contentWindow.scrollTo(0, top);
        });
        parts.paper.querySelectorAll("iframe[hidden]").forEach((waiting) => waiting.remove());
        const query = Object.keys(toggles).filter((name) => toggles[name]).map((name) => `${name}=1`).join("&");
        next.src = query ? `${mail.frame_url}?${query}` : mail.frame_url;
        parts.paper.prepend(next);
        showNote();
    }

    function scrollTop(element) {
        const page = element.contentDocument;
        return page && page.scrollingElement ? page.scrollingElement.scrollTop : 0;
    }

    /* Dark mail is no standard, and the panel says so. */
    function showNote() {
        let words = "";
        if (toggles.dark) {
            words = mail.has_dark_rules
                ? "The mail by its own dark rules, as Apple Mail and some others show it. Gmail and Outlook turn colours round in ways of their own."
                : "This mail has no dark rules of its own. Apple Mail shows it as it is; Gmail and Outlook turn its colours round in ways of their own.";
        }
        parts.note.textContent = words;
        parts.note.hidden = !words;
    }

    function make(name, className, words) {
        const element = document.createElement(name);
        if (className) element.className = className;
        if (words !== undefined) element.textContent = words;
        return element;
    }

    function showSize(answer) {
        parts.size.hidden = !answer.size_bytes;
        if (!answer.size_bytes) return;
        const share = answer.size_bytes / answer.clipped_bytes;
        parts["size-bar"].style.width = `${Math.min(share * 100, 100)}%`;
        parts.size.dataset.level = share > 1 ? "over" : share > 0.88 ? "near" : "fine";
        const ending = share > 1 ? " Gmail cuts it off there." : " before Gmail cuts it off.";
        parts["size-words"].textContent = `${(answer.size_bytes / 1024).toFixed(1)} kB of ${answer.clipped_bytes / 1024} kB${ending}`;
    }

    const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

    function showFindings(findings) {
        const strong = findings.filter((finding) => finding.level !== "hint");
        const hints = findings.filter((finding) => finding.level === "hint");
        const errors = strong.filter((finding) => finding.level === "error").length;
        parts.checks.replaceChildren(...strong.map(shownFinding));
        if (!strong.length) parts.checks.append(make("li", "ex-fine", "Nothing to put right."));
        parts.hints.hidden = !hints.length;
        parts.hints.querySelector("summary").textContent = plural(hints.length, "hint");
        parts.hints.querySelector("ul").replaceChildren(...hints.map(shownFinding));
        const words = `${plural(errors, "mistake")}, ${plural(strong.length - errors, "warning")}, ${plural(hints.length, "hint")}`;
        if (parts.summary.textContent !== words) parts.summary.textContent = words;
    }

    function shownFinding(finding) {
        const looks = { error: ["ex-problem", "error", "Mistake"], warning: ["ex-warning", "warning", "Warning"], hint: ["ex-note", "lightbulb", "Hint"] };
        const [className, icon, level] = looks[finding.level];
        const item = make("li", className);
        const symbol = make("span", "material-symbols-outlined", icon);
        symbol.setAttribute("aria-hidden", "true");
        const words = make("span", "ex-finding-words");
        words.append(make("span", "ex-hidden", `${level}. `));
        const line = finding.line && ["html", "text"].includes(finding.field) ? `, line ${finding.line}` : "";
        const place = `${FIELD_NAMES[finding.field]}${line}`;
        const canJump = code && code.canChange(finding.field) && (line || finding.tag);
        if (canJump) {
            const jump = make("button", "ex-jump", place);
            jump.type = "button";
            jump.addEventListener("click", () => code.jump(finding.field, finding.line, finding.tag));
            words.append(jump, `: ${finding.message}`);
        } else {
            words.append(`${place}: ${finding.message}`);
        }
        item.append(symbol, words);
        if (finding.suggestion && code && code.canChange(finding.field)) {
            const fix = make("button", "ex-fix", `Write ${finding.suggestion}`);
            fix.type = "button";
            fix.addEventListener("click", () => code.replace(finding.field, finding.tag, finding.suggestion));
            words.append(fix);
        }
        return item;
    }

    function showLinks(links) {
        const troubled = links.filter((link) => link.remarks.some((remark) => !remark.is_hint)).length;
        parts.links.hidden = !links.length;
        const warned = troubled ? `, ${troubled} with a warning` : "";
        parts.links.querySelector("summary").textContent = `${plural(links.length, "link")}${warned}`;
        parts.links.querySelector("ol").replaceChildren(...links.map((link) => {
            const item = make("li");
            item.append(make("strong", "", link.text || "(no text)"));
            const canJump = code && code.canChange("html") && (link.line || link.target);
            const target = make(canJump ? "button" : "span", canJump ? "ex-jump ex-link-target" : "ex-link-target", link.target || "(no address)");
            if (canJump) {
                target.type = "button";
                target.addEventListener("click", () => code.jump("html", link.line, link.target));
            }
            item.append(target);
            link.remarks.forEach((remark) => item.append(make("span", remark.is_hint ? "ex-quiet" : "ex-link-trouble", remark.message)));
            return item;
        }));
    }

    function wait(words) {
        parts.wait.textContent = words;
        parts.wait.hidden = !words;
    }

    function later() {
        clearTimeout(timer);
        timer = setTimeout(refresh, PAUSE_MS);
    }

    function press(group, chosen) {
        panel.querySelectorAll(`button[data-${group}]`).forEach((other) => {
            other.setAttribute("aria-pressed", String(other.dataset[group] === chosen));
        });
    }

    function setView(view) {
        parts.stage.dataset.view = view;
        parts.text.hidden = view !== "text";
        parts.paper.hidden = view === "text";
        parts.width.hidden = view === "text";
        setWidth(view === "phone" ? PHONE : 0);
        press("view", view);
    }

    /* 0: as wide as the panel. */
    function setWidth(wanted) {
        const widest = parts.stage.clientWidth - 16;
        width = wanted ? Math.round(Math.max(NARROWEST, Math.min(wanted, widest))) : 0;
        parts.paper.style.width = width ? `${width}px` : "";
        parts.paper.classList.toggle("ex-narrowed", Boolean(width));
        const shown = width || widest;
        parts.handle.setAttribute("aria-valuenow", String(shown));
        parts.handle.setAttribute("aria-valuemax", String(Math.max(widest, NARROWEST)));
        parts.handle.setAttribute("aria-valuetext", `${shown} pixels`);
        parts.width.textContent = `${shown} pixels wide. Drag the edge of the mail, or use the arrow keys on it.`;
    }

    parts.handle.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        parts.handle.setPointerCapture(event.pointerId);
        parts.stage.classList.add("ex-dragging");
        const start = { x: event.clientX, width: parts.paper.offsetWidth };
        /* The mail stands in the middle: one pixel of the hand is two of the width. */
        const move = (moved) => setWidth(start.width + (moved.clientX - start.x) * 2);
        const stop = () => {
            parts.stage.classList.remove("ex-dragging");
            parts.handle.removeEventListener("pointermove", move);
        };
        parts.handle.addEventListener("pointermove", move);
        parts.handle.addEventListener("pointerup", stop, { once: true });
        parts.handle.addEventListener("pointercancel", stop, { once: true });
    });
    parts.handle.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -20, ArrowRight: 20, PageDown: -100, PageUp: 100 }[event.key];
        if (event.key === "Home") setWidth(NARROWEST);
        else if (event.key === "End") setWidth(0);
        else if (step) setWidth((width || parts.paper.offsetWidth) + step);
        else return;
        event.preventDefault();
    });

    panel.querySelectorAll("[data-view]").forEach((button) => {
        if (button.tagName === "BUTTON") button.addEventListener("click", () => setView(button.dataset.view));
    });
    panel.querySelectorAll("[data-toggle]").forEach((button) => {
        button.addEventListener("click", () => {
            const name = button.dataset.toggle;
            toggles[name] = !toggles[name];
            button.setAttribute("aria-pressed", String(toggles[name]));
            if (mail) swapFrame();
        });
    });
    window.addEventListener("resize", () => setWidth(width));

    async function findPeople() {
        const wanted = parts.person.value.trim();
        const chosen = people.find((person) => person.address === wanted);
        if (chosen || !wanted) {
            values = chosen ? chosen.values : {};
            later();
            return;
        }
        const query = new URLSearchParams({ q: wanted, client: config.extra.client });
        const response = await fetch(`${config.people_url}?${query}`).catch(() => null);
        if (!response || !response.ok || response.redirected) {
            wait("This person cannot be looked up right now. It tries again when you type.");
            return;
        }
        people = (await response.json()).people;
        document.getElementById("preview-people").replaceChildren(...people.map((person) => {
            const option = document.createElement("option");
            option.value = person.address;
            option.label = person.name;
            return option;
        }));
        const typed = people.find((person) => person.address === parts.person.value.trim());
        if (typed) {
            values = typed.values;
            later();
        }
    }

    parts.sample.addEventListener("change", () => {
        values = {};
        if (parts.person) parts.person.value = "";
        later();
    });
    if (parts.person) {
        let personTimer = 0;
        parts.person.addEventListener("input", () => {
            clearTimeout(personTimer);
            personTimer = setTimeout(findPeople, PAUSE_MS / 2);
        });
    }

    if (form) {
        form.addEventListener("input", later);
        form.addEventListener("change", later);
    }
    setView("desktop");
    refresh();
})();
