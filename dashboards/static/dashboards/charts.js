"use strict";
// Draws every [data-ex-figure] with the colours of the theme in use, and again when the theme changes. A figure names
// roles, dashboards.css gives each role its colour in light and dark.
(function () {
  const root = document.documentElement;

  function color(role) {
    return getComputedStyle(root).getPropertyValue(`--ex-chart-${role}`).trim();
  }

  function axis(given) {
    return Object.assign({ gridcolor: color("grid"), linecolor: color("grid"), zerolinecolor: color("grid") }, given);
  }

  function themed(figure) {
    const data = figure.data.map(function (trace) {
      const inside = { color: color(`on_${trace.meta.role}`) || color("text") };
      return Object.assign({}, trace, { marker: { color: color(trace.meta.role) }, insidetextfont: inside });
    });
    const layout = Object.assign({}, figure.layout, {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: color("text") },
      hoverlabel: { bgcolor: color("paper"), bordercolor: color("grid"), font: { color: color("text") } },
      separators: ".,",
    });
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(name)) {
        layout[name] = axis(layout[name]);
      }
    }
    return { data: data, layout: layout };
  }

  function draw(element) {
    const figure = themed(JSON.parse(document.getElementById(element.dataset.exFigure).textContent));
    return window.Plotly.react(element, figure.data, figure.layout, { displayModeBar: false, responsive: true });
  }

  function openWhatIsBehind(event) {
    const address = event.points[0].customdata;
    if (typeof address === "string" && address.startsWith("/")) {
      window.location.assign(address);
    }
  }

  const elements = Array.from(document.querySelectorAll("[data-ex-figure]"));
  for (const element of elements) {
    draw(element).then(function () {
      element.on("plotly_click", openWhatIsBehind);
    });
  }
  document.addEventListener("ex-figure", function (event) {
    draw(event.target);
  });
  new MutationObserver(function () {
    elements.forEach(draw);
  }).observe(root, { attributes: true, attributeFilter: ["class"] });

  for (const button of document.querySelectorAll("[data-ex-png]")) {
    button.addEventListener("click", function () {
      const element = document.getElementById(button.dataset.exPng);
      window.Plotly.downloadImage(element, { format: "png", scale: 2, filename: button.dataset.exPng.replace("ex-dash-", "") });
    });
  }
})();
