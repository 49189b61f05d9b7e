/* The code fields of a template: CodeMirror in place of the textarea, and merge tags to insert. Without CodeMirror the textareas stay, and everything else works with them. */
(() => {
    "use strict";
    const form = document.querySelector("#content-main form");
    const fields = [...document.querySelectorAll("textarea.ex-code")];
    const editors = new Map();
    const TAG = /\{\{[^{}]*\}\}/g;

    if (window.CodeMirror) fields.forEach((textarea) => editors.set(textarea.name, upgraded(textarea)));

    /* A page without a form shows the sources as they were written, line by line. */
    const config = document.getElementById("preview-config");
    if (config && !fields.length) {
        const squeezed = (words) => words.replace(/\s+/g, " ").trim();
        const sources = Object.values(JSON.parse(config.textContent).fixed).filter((source) => source.includes("\n"));
        document.querySelectorAll("#content-main .readonly").forEach((shown) => {
            const source = sources.find((one) => squeezed(one) === squeezed(shown.textContent));
            if (source === undefined) return;
            shown.textContent = source;
            shown.classList.add("ex-code-shown");
        });
    }

    function upgraded(textarea) {
        const { EditorState, EditorView, Compartment } = CodeMirror;
        const language = new Compartment();
        const label = document.querySelector(`label[for="${textarea.id}"]`);
        const name = (label ? label.textContent : textarea.name).replace("*", "").trim();
        const view = new EditorView({
            state: EditorState.create({
                doc: textarea.value,
                extensions: [
                    setup(),
                    language.of(languageOf(textarea)),
                    EditorState.readOnly.of(textarea.readOnly || textarea.disabled),
                    EditorView.editorAttributes.of({ class: "ex-code-editor", style: `--ex-code-rows: ${textarea.rows}` }),
                    EditorView.contentAttributes.of({
                        "aria-label": `${name}. The Tab key indents; press Escape, then Tab, to leave.`,
                        "aria-invalid": textarea.getAttribute("aria-invalid") || "false",
                    }),
                    EditorView.updateListener.of((update) => {
                        if (!update.docChanged) return;
                        textarea.value = update.state.doc.toString();
                        textarea.dispatchEvent(new Event("input", { bubbles: true }));
                    }),
                ],
            }),
        });
        textarea.hidden = true;
        textarea.after(view.dom);
        if (label) label.addEventListener("click", (event) => { event.preventDefault(); view.focus(); });
        const markup = form && form.elements.namedItem("markup");
        if (markup && textarea.name === "html") {
            markup.addEventListener("change", () => view.dispatch({ effects: language.reconfigure(languageOf(textarea)) }));
        }
        return view;
    }

    function languageOf(textarea) {
        if (textarea.name === "text") return [];
        const markup = form && form.elements.namedItem("markup");
        return markup && markup.value === "mjml" ? CodeMirror.xml() : CodeMirror.html({ matchClosingTags: true });
    }

    function setup() {
        const C = CodeMirror;
        return [
            C.lineNumbers(),
            C.foldGutter(),
            C.highlightSpecialChars(),
            C.history(),
            C.drawSelection(),
            C.EditorState.allowMultipleSelections.of(true),
            C.indentOnInput(),
            C.bracketMatching(),
            C.rectangularSelection(),
            C.highlightActiveLine(),
            C.highlightActiveLineGutter(),
            C.highlightSelectionMatches(),
            C.search({ top: true }),
            C.indentUnit.of("  "),
            C.EditorView.lineWrapping,
            C.syntaxHighlighting(colours()),
            mergeTags(),
            C.keymap.of([...C.defaultKeymap, ...C.searchKeymap, ...C.historyKeymap, ...C.foldKeymap, C.indentWithTab]),
        ];
    }

    /* Colours are the style sheet's, so that light and dark follow the page. */
    function colours() {
        const { HighlightStyle, tags } = CodeMirror;
        return HighlightStyle.define([
            { tag: tags.tagName, class: "ex-c-tag" },
            { tag: [tags.attributeName, tags.propertyName], class: "ex-c-name" },
            { tag: [tags.attributeValue, tags.string], class: "ex-c-value" },
            { tag: [tags.number, tags.unit, tags.color, tags.atom], class: "ex-c-number" },
            { tag: [tags.className, tags.labelName, tags.keyword, tags.modifier], class: "ex-c-word" },
            { tag: tags.comment, class: "ex-c-comment" },
            { tag: [tags.angleBracket, tags.processingInstruction, tags.documentMeta, tags.character], class: "ex-c-quiet" },
            { tag: tags.invalid, class: "ex-c-wrong" },
        ]);
    }

    function mergeTags() {
        const { MatchDecorator, Decoration, ViewPlugin } = CodeMirror;
        const matcher = new MatchDecorator({
            regexp: TAG,
            decoration: (match) => Decoration.mark({
                class: /^\{\{\s*(?:if\s|else|end)/i.test(match[0]) ? "ex-c-merge ex-c-condition" : "ex-c-merge",
            }),
        });
        return ViewPlugin.fromClass(class {
            constructor(view) { this.decorations = matcher.createDeco(view); }
            update(update) { this.decorations = matcher.updateDeco(update, this.decorations); }
        }, { decorations: (plugin) => plugin.decorations });
    }

    /* What others ask of a field, whether it is an editor or a plain one. */
    function element(name) {
        return form ? form.elements.namedItem(name) : null;
    }

    function jump(name, line, words) {
        const view = editors.get(name);
        const field = element(name);
        if (!field) return false;
        const text = view ? view.state.doc.toString() : field.value;
        const lines = text.split("\n");
        let start = line ? lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) : 0;
        const found = words ? text.indexOf(words, start) : -1;
        const anywhere = words && found < 0 ? text.indexOf(words) : found;
        let end = start + (line ? (lines[line - 1] || "").length : 0);
        if (anywhere >= 0) [start, end] = [anywhere, anywhere + words.length];
        if (view) {
            end = Math.min(end, view.state.doc.length);
            view.dispatch({
                selection: { anchor: Math.min(start, end), head: end },
                effects: CodeMirror.EditorView.scrollIntoView(Math.min(start, end), { y: "center" }),
            });
            view.dom.scrollIntoView({ block: "nearest" });
            view.focus();
        } else if (field.setSelectionRange) {
            field.focus();
            field.setSelectionRange(start, end);
        }
        return true;
    }

    function replace(name, words, replacement) {
        const view = editors.get(name);
        const field = element(name);
        const start = field ? field.value.indexOf(words) : -1;
        if (start < 0) return false;
        const end = start + words.length;
        if (view) {
            view.dispatch({
                changes: { from: start, to: end, insert: replacement },
                selection: { anchor: start, head: start + replacement.length },
                scrollIntoView: true,
            });
        } else {
            field.setRangeText(replacement, start, end, "select");
            field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        return true;
    }

    function canChange(name) {
        const field = element(name);
        return Boolean(field) && !field.readOnly && !field.disabled;
    }

    /* Merge tags go where the cursor was last. */
    const insertable = ["subject", "preheader", "html", "text"];
    let target = "html";
    document.addEventListener("focusin", (event) => {
        const editor = event.target.closest && event.target.closest(".ex-code-editor");
        const name = editor ? [...editors].find(([, view]) => view.dom === editor)[0] : event.target.name;
        if (insertable.includes(name) && form && form.contains(event.target)) target = name;
    });

    function insert(before, after) {
        const view = editors.get(target);
        if (view) {
            const { from, to } = view.state.selection.main;
            const marked = view.state.sliceDoc(from, to);
            const written = after === null ? before : `${before}${marked}${after}`;
            const cursor = from + (after === null ? before.length : before.length + marked.length);
            view.dispatch({ changes: { from, to, insert: written }, selection: { anchor: cursor }, scrollIntoView: true });
            view.focus();
            return;
        }
        const field = element(target);
        if (!field) return;
        const marked = field.value.slice(field.selectionStart, field.selectionEnd);
        field.setRangeText(after === null ? before : `${before}${marked}${after}`, field.selectionStart, field.selectionEnd, "end");
        field.focus();
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }

    const picker = document.querySelector("[data-merge-tags]");
    if (picker) {
        const [search, kind, fallback, fallbackRow, none] = [
            "[data-tag-search]", "[data-tag-form]", "[data-fallback]", "[data-tag-fallback]", "[data-no-tag]",
        ].map((selector) => picker.querySelector(selector));
        const buttons = [...picker.querySelectorAll("[data-key]")];
        const asksCondition = () => kind.value === "condition";
        const show = () => {
            const wanted = search.value.trim().toLowerCase();
            let shown = 0;
            buttons.forEach((button) => {
                const fits = button.textContent.toLowerCase().includes(wanted);
                const usable = !asksCondition() || /^(?:contact|organization)\./.test(button.dataset.key);
                button.hidden = !(fits && usable);
                shown += button.hidden ? 0 : 1;
            });
            picker.querySelectorAll("[data-tag-group]").forEach((group) => {
                group.hidden = ![...group.querySelectorAll("[data-key]")].some((button) => !button.hidden);
            });
            none.hidden = shown > 0;
            fallbackRow.hidden = asksCondition();
        };
        search.addEventListener("input", show);
        search.addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            const first = buttons.find((button) => !button.hidden);
            if (first) first.click();
        });
        kind.addEventListener("change", show);
        buttons.forEach((button) => button.addEventListener("click", () => {
            const key = button.dataset.key;
            if (asksCondition()) {
                insert(`{{ if ${key} }}`, "{{ end }}");
                return;
            }
            const words = fallback.value.trim().replace(/["{}<>]/g, "");
            const usesFallback = words && "canBeMissing" in button.dataset;
            insert(usesFallback ? `{{ ${key} | default: "${words}" }}` : `{{ ${key} }}`, null);
        }));
        picker.addEventListener("toggle", () => { if (picker.open) search.focus(); });
    }

    /* Put a whole source in the place of the old one; says whether the field has an editor. */
    function write(name, text) {
        const view = editors.get(name);
        if (!view) return false;
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
        return true;
    }

    window.exCode = { jump, replace, write, canChange, isEditor: () => fields.length > 0 };
})();
