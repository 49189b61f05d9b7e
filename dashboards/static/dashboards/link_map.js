"use strict";
// Pointing at a row of the table marks its link on the mail. The frame is sandboxed and cannot be reached into: it is
// sent to the link's anchor, and its own style marks what is there. Without this script a click does the same.
(function () {
  const frame = document.querySelector("iframe[name=ex-dash-mail]");
  if (!frame) {
    return;
  }

  function mark(event) {
    const row = event.target.closest("[data-ex-mark]");
    if (row && row.dataset.exMark !== frame.dataset.exMarked) {
      frame.dataset.exMarked = row.dataset.exMark;
      frame.contentWindow.location.replace(row.dataset.exMark);
    }
  }

  const lines = document.querySelector(".ex-dash-map-lines");
  lines?.addEventListener("mouseover", mark);
  lines?.addEventListener("focusin", mark);
})();
