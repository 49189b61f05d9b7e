/* The preview panel: sends what the form holds after a pause in typing, and shows what comes back. */
(() => {
    "use strict";
    const panel = document.querySelector("[data-preview]");
    if (!panel) return;
    const config = JSON.parse(document.getElementById("preview-config").textContent);
    const form = document.querySelector("#content-main form");
    const stage = panel.querySelector("[data-stage]");
    const parts = Object.fromEntries(
        ["subject", "preheader", "text", "size", "checks", "wait", "person"].map(
            (name) => [name, panel.querySelector(`[data-${name}]`)],
        ),
    );
    const PAUSE_MS = 400;
    let timer = 0;
    let asked = 0;
    let frame = null;
    let lastBody = "";
    let people = [];
    let values = {};

    const field = (name) => form && form.elements.namedItem(name);

    function body() {
        const data = new URLSearchParams({ ...config.fixed, ...config.extra, values: JSON.stringify(values) });
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
        showChecks(answer.findings);
        parts.size.textContent = answer.size_bytes
            ? `${(answer.size_bytes / 1024).toFixed(1)} kB of ${answer.clipped_bytes / 1024} kB before Gmail cuts it off`
            : "";
        if (!answer.mail) {
            wait(frame ? "This is the last version without mistakes." : "The preview appears when the mistakes below are put right.");
            return;
        }
        wait("");
        parts.subject.textContent = answer.mail.subject || "No subject yet";
        parts.preheader.textContent = answer.mail.preheader;
        parts.text.textContent = answer.mail.text;
        swapFrame(answer.mail.frame_url);
    }

    /* The new version loads behind the old one and takes its place and its scroll position: nothing flickers. */
    function swapFrame(url) {
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
        stage.querySelectorAll("iframe[hidden]").forEach((waiting) => waiting.remove());
        next.src = url;
        stage.append(next);
    }

    function scrollTop(element) {
        const page = element.contentDocument;
        return page && page.scrollingElement ? page.scrollingElement.scrollTop : 0;
    }

    function showChecks(findings) {
        parts.checks.replaceChildren(...findings.map((finding) => {
            const item = document.createElement("li");
            item.className = finding.is_error ? "ex-problem" : "ex-warning";
            const icon = document.createElement("span");
            icon.className = "material-symbols-outlined";
            icon.setAttribute("aria-hidden", "true");
            icon.textContent = finding.is_error ? "error" : "warning";
            const names = { html: "HTML", text: "Plain text", subject: "Subject", preheader: "Preheader" };
            const line = finding.line && ["html", "text"].includes(finding.field) ? `, line ${finding.line}` : "";
            const words = document.createElement("span");
            words.textContent = `${names[finding.field]}${line}: ${finding.message}`;
            item.append(icon, words);
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

    panel.querySelectorAll("[data-view]").forEach((button) => {
        button.addEventListener("click", () => {
            stage.dataset.view = button.dataset.view;
            parts.text.hidden = button.dataset.view !== "text";
            panel.querySelectorAll(".ex-segments button").forEach((other) => {
                other.setAttribute("aria-pressed", String(other === button));
            });
        });
    });

    async function findPeople() {
        const wanted = parts.person.value.trim();
        const chosen = people.find((person) => person.address === wanted);
        if (chosen || !wanted) {
            values = chosen ? chosen.values : {};
            later();
            return;
        }
        const query = new URLSearchParams({ q: wanted, client: config.extra.client });
        const response = await fetch(`${config.people_url}?${query}`);
        if (!response.ok) return;
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

    if (parts.person) {
        let personTimer = 0;
        parts.person.addEventListener("input", () => {
            clearTimeout(personTimer);
            personTimer = setTimeout(findPeople, PAUSE_MS / 2);
        });
    }

    /* Merge tags go where the cursor was last. */
    let target = field("html");
    document.addEventListener("focusin", (event) => {
        if (config.fields.includes(event.target.name)) target = event.target;
    });
    document.querySelectorAll("[data-tag]").forEach((button) => {
        button.addEventListener("click", () => {
            if (!target) return;
            target.setRangeText(button.dataset.tag, target.selectionStart, target.selectionEnd, "end");
            target.focus();
            target.dispatchEvent(new Event("input", { bubbles: true }));
        });
    });

    if (form) {
        form.addEventListener("input", later);
        form.addEventListener("change", later);
    }
    refresh();
})();
