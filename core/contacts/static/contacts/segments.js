/* The segment builder. The rule lives in the form's textarea as JSON; without this script it can be edited there. Saving
   needs nothing of what is asked of the server here: number, people and sentence are company. */
(() => {
    "use strict";
    const area = document.querySelector("[data-segment-rule]");
    const configuration = document.getElementById("segment-config");
    if (!area || !configuration) return;
    const config = JSON.parse(configuration.textContent);
    const fields = new Map(config.fields.map((field) => [field.key, field]));
    const HOW = { all: "all of these", any: "any of these", none: "none of these" };
    const WAIT_MS = 500;
    const BEHAVIOUR = "behaviour";

    const how = (node) => Object.keys(HOW).find((key) => Array.isArray(node[key]));
    let rule = read(area.value) || (config.rule && Object.keys(config.rule).length ? config.rule : { all: [] });
    let problems = config.problems || {};
    let numbers = 0;

    const builder = element("div", { class: "sg-builder" });
    const sentence = element("p", { class: "sg-sentence", "aria-live": "polite" });
    const said = element("p", { class: "sg-raw", role: "status" });
    area.after(builder, sentence, said);
    area.classList.add("sg-raw");
    area.tabIndex = -1;
    area.setAttribute("aria-hidden", "true");

    function read(text) {
        let found = null;
        try {
            found = JSON.parse(text);
        } catch {
            return null;
        }
        return found && typeof found === "object" && how(found) ? found : null;
    }

    function element(name, attributes = {}, ...children) {
        const made = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) {
            if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
            else if (value === true) made.setAttribute(key, "");
            else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
        }
        made.append(...children);
        return made;
    }

    const operatorOf = (node) => fields.get(node.field)?.operators.find((one) => one.name === node.is);

    /* What a change does: "" only writes and asks; a path draws anew and focuses what stands there. */
    function changed(focus = "") {
        area.value = JSON.stringify(rule);
        area.dispatchEvent(new Event("change", { bubbles: true }));
        problems = {};
        if (focus) draw(focus);
        schedule();
    }

    function draw(focus = "") {
        numbers = 0;
        builder.replaceChildren(group(rule, "", null, 0, 1));
        if (focus) builder.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
    }

    /* Draws anew what stands behind a select and depends on it. The select itself stays: in a new one, a word that is
       typed to choose would begin again at each letter. */
    function follow(chosen, parts) {
        while (chosen.nextSibling) chosen.nextSibling.remove();
        chosen.after(...parts);
        chosen.closest(".sg-row").parentElement.querySelector(":scope > .sg-problem")?.remove();
    }

    const under = (path, index) => (path ? `${path}.${index}` : String(index));

    function group(node, path, parent, index, depth) {
        const key = how(node);
        const choice = select(Object.entries(HOW), key, (value) => {
            const items = node[how(node)];
            delete node[how(node)];
            node[value] = items;
            changed();
        });
        choice.dataset.focus = `${path}:how`;
        choice.setAttribute("aria-label", depth === 1 ? "People who fit" : "Group: people who fit");
        const head = element("div", { class: "sg-how" }, element("span", { class: "sg-word" }, depth === 1 ? "People who fit" : "who fit"), choice);
        if (parent) head.append(tools(parent, path, index, "group"));
        const items = element("ul", { class: "sg-items" });
        node[key].forEach((item, position) => {
            const place = under(path, position);
            items.append(element("li", {}, how(item) ? group(item, place, node, position, depth + 1) : condition(item, place, node, position)));
        });
        const add = element(
            "div",
            { class: "sg-add" },
            button("Add condition", `${path}:add`, () => {
                node[key].push(fresh());
                changed(`${under(path, node[key].length - 1)}:field`);
            }),
        );
        if (depth < config.depth) {
            add.append(
                button("Add group", `${path}:group`, () => {
                    node[key].push({ any: [fresh()] });
                    changed(`${under(path, node[key].length - 1)}:how`);
                }),
            );
        }
        const made = element("div", { class: "sg-group", role: "group", "aria-label": depth === 1 ? "Rule" : "Group of conditions" }, head, items);
        const problem = wrong(path);
        if (problem) made.append(problem);
        made.append(add);
        return made;
    }

    const fresh = () => ({ field: config.fields[0].key, is: config.fields[0].operators[0].name, campaign: "any" });

    function wrong(path) {
        if (!problems[path]) return null;
        return element("p", { class: "sg-problem", id: `sg-problem-${path.replaceAll(".", "-")}` }, problems[path]);
    }

    function condition(node, path, parent, index) {
        const about = select(sections(), node.field, (value) => {
            for (const key of Object.keys(node)) delete node[key];
            Object.assign(node, { field: value, is: fields.get(value).operators[0].name });
            reset(node);
            changed();
            follow(about, comparison(node, path));
        });
        about.dataset.focus = `${path}:field`;
        about.setAttribute("aria-label", "What the condition is about");
        const parts = element("div", { class: "sg-parts" }, about, ...comparison(node, path));
        const row = element("div", { class: "sg-row" }, parts, tools(parent, path, index, "condition"));
        const problem = wrong(path);
        if (!problem) return row;
        parts.querySelectorAll(".sg-input").forEach((input) => {
            input.classList.add("sg-wrong");
            input.setAttribute("aria-invalid", "true");
            input.setAttribute("aria-describedby", problem.id);
        });
        return element("div", {}, row, problem);
    }

    function comparison(node, path) {
        const field = fields.get(node.field);
        if (!field) return [];
        const compare = select(field.operators.map((one) => [one.name, one.label]), node.is, (value) => {
            const before = operatorOf(node)?.takes;
            node.is = value;
            if (operatorOf(node).takes !== before) reset(node);
            changed();
            follow(compare, widgets(node, field, path));
        });
        compare.dataset.focus = `${path}:is`;
        compare.setAttribute("aria-label", "How it compares");
        return [compare, ...widgets(node, field, path)];
    }

    function sections() {
        const found = new Map();
        for (const field of config.fields) {
            if (!found.has(field.section)) found.set(field.section, []);
            found.get(field.section).push([field.key, field.label]);
        }
        return found;
    }

    /* The value that a comparison starts with. */
    function reset(node) {
        const field = fields.get(node.field);
        for (const key of ["value", "campaign", "last", "days"]) delete node[key];
        if (field.kind === BEHAVIOUR) {
            node.campaign = "any";
            return;
        }
        const first = field.options[0]?.[0] ?? "";
        const values = { text: first, texts: [], number: null, range: [null, null], date: "", days: 30, yes_no: true, ids: [] };
        const takes = operatorOf(node).takes;
        if (takes in values) node.value = values[takes];
    }

    function widgets(node, field, path) {
        const focus = `${path}:value`;
        const set = (value) => {
            node.value = value;
            changed();
        };
        const say = (made, label) => {
            made.dataset.focus = focus;
            made.setAttribute("aria-label", label);
            return made;
        };
        switch (operatorOf(node)?.takes) {
            case "text":
                if (field.options.length) return [say(select(field.options, node.value, set), "Value")];
                return [say(input("text", node.value, set), "Value")];
            case "number":
                return [say(input("number", node.value, (value) => set(number(value))), "Number")];
            case "range": {
                const pair = Array.isArray(node.value) ? node.value : [null, null];
                const end = (position) => (value) => {
                    pair[position] = number(value);
                    set(pair);
                };
                return [
                    say(input("number", pair[0], end(0)), "From"),
                    word("and"),
                    Object.assign(input("number", pair[1], end(1)), { ariaLabel: "To" }),
                ];
            }
            case "date":
                return [say(input("date", node.value, set), "Date")];
            case "days":
                return [say(input("number", node.value, (value) => set(number(value)), { min: 1 }), "Days"), word("days")];
            case "yes_no":
                return [say(select([["yes", "yes"], ["no", "no"]], node.value ? "yes" : "no", (value) => set(value === "yes")), "Yes or no")];
            case "texts":
                return field.options.length ? chips(node, path, field.options) : chips(node, path, null, field.kind === "tags" ? config.tags : []);
            case "ids":
                return chips(node, path, config.groups);
            case "campaigns":
                return campaign(node, path);
            default:
                return [];
        }
    }

    function campaign(node, path) {
        const which = select(
            [["any", "any campaign"], ["last", "any of the last …"], ...config.campaigns],
            node.campaign,
            (value) => {
                node.campaign = value;
                delete node.last;
                if (value === "last") node.last = 3;
                changed();
                follow(which, [...last(node), ...period(node, path)]);
            },
        );
        which.dataset.focus = `${path}:value`;
        which.setAttribute("aria-label", "Campaign");
        return [which, ...last(node), ...period(node, path)];
    }

    function last(node) {
        if (node.campaign !== "last") return [];
        const made = input("number", node.last, (value) => { node.last = number(value); changed(); }, { min: 1 });
        made.setAttribute("aria-label", "How many campaigns");
        return [made, word("campaigns")];
    }

    function period(node, path) {
        const when = select([["ever", "at any time"], ["days", "in the last"]], node.days === undefined ? "ever" : "days", (value) => {
            if (value === "days") node.days = 90;
            else delete node.days;
            changed();
            follow(when, days(node));
        });
        when.dataset.focus = `${path}:when`;
        when.setAttribute("aria-label", "When");
        return [when, ...days(node)];
    }

    function days(node) {
        if (node.days === undefined) return [];
        const made = input("number", node.days, (value) => { node.days = number(value); changed(); }, { min: 1 });
        made.setAttribute("aria-label", "Days");
        return [made, word("days")];
    }

    /* Several values: each with a button that takes it out. `options` are [value, label] to choose from; without them
       values are typed, with `suggestions`. */
    function chips(node, path, options, suggestions = []) {
        const values = Array.isArray(node.value) ? node.value : [];
        const labels = new Map(options || []);
        const focus = `${path}:value`;
        const list = element("ul", { class: "sg-chips", "aria-label": "Chosen" });
        values.forEach((value, position) => {
            const label = labels.get(value) || (options ? "one that is gone" : value);
            const out = element("button", { type: "button", "aria-label": `Take out ${label}`, onclick: () => {
                node.value = values.filter((_, other) => other !== position);
                changed(focus);
            } }, icon("close"));
            list.append(element("li", { class: "sg-chip" }, label, out));
        });
        const take = (found) => {
            const fresh = found.map((one) => one.trim()).filter((one) => one && !values.includes(one));
            if (!fresh.length) return;
            node.value = [...values, ...fresh];
            changed(focus);
        };
        const add = options
            ? chosen(take, [["", values.length ? "Add …" : "Choose …"], ...options.filter(([value]) => !values.includes(value))])
            : typed(take, suggestions);
        add.dataset.focus = focus;
        add.setAttribute("aria-label", options ? "Add a value" : "Add a value: Enter takes it");
        return values.length ? [list, add] : [add];
    }

    /* With the mouse a choice is taken at once; by keys with Enter or on leaving, as each letter chooses another one. */
    function chosen(take, options) {
        let isByKeys = false;
        const taken = (value) => value && take([value]);
        const made = select(options, "", (value) => isByKeys || taken(value));
        made.addEventListener("pointerdown", () => { isByKeys = false; });
        made.addEventListener("keydown", (event) => {
            isByKeys = event.key !== "Enter";
            if (isByKeys) return;
            event.preventDefault();
            taken(made.value);
        });
        made.addEventListener("blur", () => made.isConnected && taken(made.value));
        return made;
    }

    function typed(take, suggestions) {
        const made = element("input", { type: "text", class: "sg-input", placeholder: "Type, then Enter", autocomplete: "off" });
        const taken = () => {
            const text = made.value;
            made.value = "";  // leaving the field, which drawing anew brings about, must not take it again
            take(text.split(","));
        };
        made.addEventListener("keydown", (event) => {
            if (event.key !== "Enter" && event.key !== ",") return;
            event.preventDefault();
            taken();
        });
        made.addEventListener("paste", (event) => {
            const text = event.clipboardData.getData("text");
            if (!/[\n,;]/.test(text)) return;
            event.preventDefault();
            take(text.split(/[\n,;]+/));
        });
        made.addEventListener("change", taken);
        if (suggestions.length) {
            const id = `sg-suggestions-${++numbers}`;
            made.setAttribute("list", id);
            const offered = element("datalist", { id }, ...suggestions.map((value) => element("option", { value })));
            builder.append(offered);
            queueMicrotask(() => made.after(offered));
        }
        return made;
    }

    const number = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text));
    const word = (text) => element("span", { class: "sg-word" }, text);
    const icon = (name) => element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);

    function input(type, value, onchange, more = {}) {
        const made = element("input", { type, class: "sg-input", ...(type === "number" ? { step: "any" } : {}), ...more });
        made.value = value ?? "";
        made.addEventListener("input", () => onchange(made.value));
        return made;
    }

    function select(options, value, onchange) {
        const made = element("select", { class: "sg-input" });
        const fill = (into, pairs) => pairs.forEach(([key, label]) => into.append(element("option", { value: key, selected: key === value }, label)));
        if (options instanceof Map) options.forEach((pairs, label) => { const section = element("optgroup", { label }); fill(section, pairs); made.append(section); });
        else fill(made, options);
        if (value !== undefined && value !== null && made.value !== value) {
            made.prepend(element("option", { value: "", selected: true }, "one that is gone"));
        }
        made.addEventListener("change", () => onchange(made.value));
        return made;
    }

    function button(label, focus, onclick) {
        return element("button", { type: "button", class: "ex-button", "data-focus": focus, onclick }, label);
    }

    /* Up and down go through groups: out at their ends, into one that stands next. */
    function tools(parent, path, index, what) {
        const items = parent[how(parent)];
        const outer = path.split(".").slice(0, -1);
        const tool = (name, label, action, disabled) =>
            element("button", { type: "button", class: "sg-icon", "aria-label": `${label} ${what}`, title: label, "data-focus": `${path}:${name}`, disabled, onclick: action }, icon(name));
        const go = (by) => () => {
            const place = move(path, index, items, by);
            if (place === null) return;
            changed(`${place}:${by < 0 ? "arrow_upward" : "arrow_downward"}`);
            if (!builder.contains(document.activeElement)) builder.querySelector(`[data-focus="${CSS.escape(`${place}:delete`)}"]`)?.focus();
            said.textContent = by < 0 ? "Moved up." : "Moved down.";
        };
        const isFirst = index === 0 && outer.length === 0;
        const isLast = index === items.length - 1 && outer.length === 0;
        return element(
            "span",
            { class: "sg-tools" },
            tool("arrow_upward", "Move up", go(-1), isFirst),
            tool("arrow_downward", "Move down", go(1), isLast),
            tool("delete", "Remove", () => {
                items.splice(index, 1);
                changed(`${outer.join(".")}:add`);
                said.textContent = "Removed.";
            }, false),
        );
    }

    const depthOf = (node) => (how(node) ? 1 + Math.max(0, ...node[how(node)].map(depthOf)) : 0);

    /* Moves an item by one and returns its new path; null when there is no room for it. */
    function move(path, index, items, by) {
        const outer = path.split(".").slice(0, -1);
        const item = items[index];
        const next = items[index + by];
        if (next && how(next) && outer.length + 2 + depthOf(item) <= config.depth) {
            const inside = next[how(next)];
            items.splice(index, 1);
            inside.splice(by < 0 ? inside.length : 0, 0, item);
            return [...outer, by < 0 ? index - 1 : index, by < 0 ? inside.length - 1 : 0].join(".");
        }
        if (next) {
            items.splice(index, 1);
            items.splice(index + by, 0, item);
            return [...outer, index + by].join(".");
        }
        if (!outer.length) return null;
        const position = Number(outer.pop());
        const above = outer.reduce((node, place) => node[how(node)][Number(place)], rule);
        items.splice(index, 1);
        const target = by < 0 ? position : position + 1;
        above[how(above)].splice(target, 0, item);
        return [...outer, target].join(".");
    }

    /* Number, people and sentence */

    const side = { who: document.querySelector(".sg-who"), count: document.querySelector("[data-count]"), note: document.querySelector("[data-note]"), people: document.querySelector("[data-people]") };
    let timer = 0;
    let asked = 0;
    let waiting = null;

    function schedule() {
        clearTimeout(timer);
        asked += 1;
        waiting?.abort();
        timer = setTimeout(ask, WAIT_MS);
    }

    async function ask() {
        const turn = ++asked;
        waiting?.abort();
        waiting = new AbortController();
        if (!rule[how(rule)].length) {
            show({ problems: {}, sentence: "", count: null, note: "Add a condition to see who fits.", people: [] });
            return;
        }
        side.who?.classList.add("sg-busy");
        const body = new FormData();
        body.append("client", config.client);
        body.append("rule", JSON.stringify(rule));
        body.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
        try {
            const response = await fetch(config.url, { method: "POST", body, signal: waiting.signal });
            if (!response.ok) throw new Error(String(response.status));
            const found = await response.json();
            if (turn === asked) show(found);
        } catch (error) {
            if (error.name === "AbortError" || turn !== asked) return;
            show({ problems: {}, count: null, note: "The numbers cannot be fetched now. The segment can be saved all the same.", people: [] });
        }
    }

    function show(found) {
        side.who?.classList.remove("sg-busy");
        const unfinished = Object.keys(found.problems).length > 0;
        sentence.textContent = unfinished ? "" : found.sentence || "";
        side.count.textContent = unfinished || found.count === null ? "–" : `${found.count.toLocaleString("en")} ${found.count === 1 ? "person" : "people"}`;
        side.note.textContent = unfinished ? unfinishedWords(found.problems) : found.note || "";
        side.people.replaceChildren(
            ...(found.people || []).map((person) =>
                element("li", {}, element("a", { href: person.url }, person.email), element("span", {}, [person.name, person.status].filter(Boolean).join(" · "))),
            ),
        );
    }

    const unfinishedWords = (all) => `Not finished: ${[...new Set(Object.values(all))].join(" ")}`;

    /* Starting points */

    const ready = document.querySelector("[data-ready]");
    if (ready) {
        ready.hidden = false;
        ready.querySelector("[data-ready-list]").append(
            ...config.ready.map((start) =>
                element("button", { type: "button", onclick: () => {
                    rule = structuredClone(start.rule);
                    const name = document.querySelector("input[name=name]");
                    if (name && !name.value) name.value = start.name;
                    changed("0:field");
                } }, element("strong", {}, start.name), start.about),
            ),
        );
    }

    if (!rule[how(rule)].length && !Object.keys(problems).length) rule[how(rule)].push(fresh());
    area.value = JSON.stringify(rule);
    draw();
    ask();
})();
