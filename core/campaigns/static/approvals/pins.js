/* Mails in their full height, numbered pins over them, and a comment for a spot that was tapped or found by keys. */
(() => {
    "use strict";
    const STEP = 20;
    const stages = [...document.querySelectorAll("[data-stage]")];
    const form = document.querySelector("[data-comment-form]");
    const root = document.documentElement;
    root.classList.add("ap-scripted");
    document.querySelectorAll("[data-needs-script], [data-tabs]").forEach((part) => { part.hidden = false; });

    /* The frame is as wide as the mail program would be, scaled to the room there is, and as high as its mail. */
    function fit(stage) {
        const frame = stage.querySelector("iframe");
        const body = frame.contentDocument && frame.contentDocument.body;
        if (!body || !stage.clientWidth) return;
        const width = Number(stage.dataset.width);
        const scale = Math.min(1, stage.clientWidth / width);
        const full = scale < 1 ? width : stage.clientWidth;
        frame.style.width = `${full}px`;
        frame.style.height = "0";
        const height = Math.max(frame.contentDocument.documentElement.scrollHeight, body.scrollHeight, 120);
        frame.style.height = `${height}px`;
        frame.style.transform = scale < 1 ? `scale(${scale})` : "";
        stage.style.height = `${Math.ceil(height * scale)}px`;
    }

    const fitAll = () => stages.forEach(fit);

    function pinsOf(stage) {
        return stage.querySelector("[data-pins]");
    }

    function showComment(comment) {
        document.querySelectorAll(".ap-lit").forEach((lit) => lit.classList.remove("ap-lit"));
        comment.classList.add("ap-lit");
        comment.focus({ preventScroll: true });
        comment.scrollIntoView({ block: "center", behavior: "smooth" });
    }

    function addPin(comment) {
        const { view, variant, x, y, pin } = comment.dataset;
        const stage = stages.find((one) => one.dataset.view === view && one.dataset.variant === variant);
        if (!stage) return;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "ap-pin";
        button.textContent = pin;
        button.style.left = `${x / 10}%`;
        button.style.top = `${y / 10}%`;
        button.setAttribute("aria-label", `${pin}: ${comment.querySelector(".ap-comment-text").textContent}`);
        button.addEventListener("click", (event) => {
            event.stopPropagation();
            showComment(comment);
            button.classList.add("ap-lit");
        });
        button.addEventListener("keydown", (event) => event.stopPropagation());
        pinsOf(stage).append(button);
    }

    const spot = { stage: null, x: 500, y: 100 };

    function mark(stage, x, y) {
        document.querySelectorAll("[data-mark]").forEach((one) => { one.hidden = true; });
        spot.stage = stage;
        spot.x = Math.min(Math.max(Math.round(x), 0), 1000);
        spot.y = Math.min(Math.max(Math.round(y), 0), 1000);
        const shown = stage.querySelector("[data-mark]");
        shown.hidden = false;
        shown.textContent = "+";
        shown.style.left = `${spot.x / 10}%`;
        shown.style.top = `${spot.y / 10}%`;
    }

    function keep() {
        form.elements.view.value = spot.stage.dataset.view;
        form.elements.variant.value = spot.stage.dataset.variant;
        form.elements.x.value = spot.x;
        form.elements.y.value = spot.y;
        form.querySelector("[data-pinned]").hidden = false;
        const text = form.querySelector("[data-comment-text]");
        text.focus({ preventScroll: true });
        form.scrollIntoView({ block: "center", behavior: "smooth" });
    }

    function unpin() {
        ["view", "variant", "x", "y"].forEach((name) => { form.elements[name].value = ""; });
        form.querySelector("[data-pinned]").hidden = true;
        document.querySelectorAll("[data-mark]").forEach((one) => { one.hidden = true; });
        form.querySelector("[data-comment-text]").focus();
    }

    function listen(stage) {
        const pins = pinsOf(stage);
        pins.hidden = false;
        if (!form || !pins.hasAttribute("tabindex")) return;
        pins.addEventListener("click", (event) => {
            const box = pins.getBoundingClientRect();
            mark(stage, (1000 * (event.clientX - box.left)) / box.width, (1000 * (event.clientY - box.top)) / box.height);
            keep();
        });
        pins.addEventListener("keydown", (event) => {
            const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP / 2], ArrowDown: [0, STEP / 2] };
            if (event.key === "Enter" || event.key === " ") {
                event.preventDefault();
                if (spot.stage !== stage) mark(stage, 500, 100);
                else keep();
            } else if (moves[event.key]) {
                event.preventDefault();
                const [x, y] = moves[event.key];
                if (spot.stage === stage) mark(stage, spot.x + x, spot.y + y);
                else mark(stage, 500, 100);
                stage.querySelector("[data-mark]").scrollIntoView({ block: "nearest" });
            }
        });
    }

    function show(view) {
        document.querySelectorAll("[data-figure]").forEach((figure) => figure.toggleAttribute("data-away", figure.dataset.figure !== view));
        document.querySelectorAll("[data-show]").forEach((tab) => tab.setAttribute("aria-pressed", String(tab.dataset.show === view)));
        fitAll();
    }

    stages.forEach((stage) => {
        stage.querySelector("iframe").addEventListener("load", () => fit(stage));
        listen(stage);
        fit(stage);
    });
    document.querySelectorAll("[data-pin]").forEach(addPin);
    document.querySelectorAll("[data-show]").forEach((tab) => tab.addEventListener("click", () => show(tab.dataset.show)));
    if (document.querySelector("[data-tabs]")) show("phone");
    window.addEventListener("resize", fitAll);
    document.querySelectorAll("[data-comments] [data-pin] .ap-number").forEach((number) => {
        number.addEventListener("click", () => {
            const { pin, view } = number.closest("[data-pin]").dataset;
            if (document.querySelector("[data-tabs]")) show(view);
            const button = [...document.querySelectorAll(".ap-pin")].find((one) => one.textContent === pin);
            if (button) button.scrollIntoView({ block: "center", behavior: "smooth" });
        });
    });

    if (form) {
        form.querySelector("[data-unpin]").addEventListener("click", unpin);
        if (form.elements.view.value) {
            const kept = stages.find((one) => one.dataset.view === form.elements.view.value && one.dataset.variant === form.elements.variant.value);
            if (kept) {
                mark(kept, Number(form.elements.x.value), Number(form.elements.y.value));
                form.querySelector("[data-pinned]").hidden = false;
            }
        }
    }

    /* The name is typed once. */
    const names = [...document.querySelectorAll("[data-name]")];
    names.forEach((field) => field.addEventListener("input", () => names.forEach((other) => { other.value = field.value; })));

    /* The bar steps aside when the answer itself is on the screen. */
    const bar = document.querySelector("[data-bar]");
    const answer = document.getElementById("answer");
    if (bar && answer && "IntersectionObserver" in window) {
        new IntersectionObserver(([seen]) => bar.classList.toggle("ap-bar-away", seen.isIntersecting), { threshold: 0.4 }).observe(answer);
    }
    bar?.querySelector('a[href="#answer"]').addEventListener("click", () => {
        setTimeout(() => document.getElementById("answer-name").focus({ preventScroll: true }), 0);
    });
    bar?.querySelector('a[href="#changes"]').addEventListener("click", () => {
        setTimeout(() => document.getElementById("answer-text").focus({ preventScroll: true }), 0);
    });
})();
