/* How far a change of many contacts is, every two seconds; at its end the page shows the result. */
const card = document.querySelector("[data-bulk]");
const line = card?.querySelector("[data-line]");

async function look() {
    try {
        const answer = await fetch(card.dataset.bulk, { headers: { Accept: "application/json" } });
        const state = await answer.json();
        if (!state.is_under_way) {
            window.location.reload();
            return;
        }
        if (line.textContent !== state.line) {
            line.textContent = state.line;
        }
    } catch {
        line.textContent = "No answer from the server. Trying again …";
    }
    setTimeout(look, 2000);
}

if (card) {
    setTimeout(look, 1000);
}
