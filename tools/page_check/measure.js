// Measures what axe-core does not check: pictures, text in SVG figures, and elements beyond the width of the page.
// Called with the width of the view in CSS pixels.
(width) => {
  const name = (element) => {
    const id = element.closest("[id]")?.id;
    const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
    return `${id ? `#${id} ` : ""}${element.tagName.toLowerCase()}${text ? ` "${text}"` : ""}`;
  };

  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colour = (css) => {  // [red, green, blue 0-255, opacity 0-1]
    if (!known.has(css)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = css;
      pen.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
      known.set(css, [red, green, blue, alpha / 255]);
    }
    return known.get(css);
  };
  const over = (front, back) => [0, 1, 2].map((i) => front[3] * front[i] + (1 - front[3]) * back[i]);
  const faded = (element, css, own) => {  // multiplies the opacity of a colour by those of its element and the elements around it
    let [red, green, blue, alpha] = colour(css);
    alpha *= own;
    for (let at = element; at instanceof SVGElement; at = at.parentNode) alpha *= getComputedStyle(at).opacity;
    return [red, green, blue, alpha];
  };
  const pageColour = (element) => {  // background colour behind an element
    const boxes = [];
    for (let at = element; at; at = at.parentElement) boxes.unshift(colour(getComputedStyle(at).backgroundColor));
    const canvas = document.body.appendChild(document.createElement("i"));
    canvas.style.backgroundColor = "Canvas";
    const bottom = colour(getComputedStyle(canvas).backgroundColor);
    canvas.remove();
    return boxes.reduce((back, front) => over(front, back), bottom);
  };
  const covers = (shape, x, y) => {  // true if the fill of the shape lies under a point of the screen
    const matrix = shape.getScreenCTM();
    return matrix !== null && shape.isPointInFill(new DOMPoint(x, y).matrixTransform(matrix.inverse()));
  };

  const texts = [];
  for (const svg of document.querySelectorAll("svg")) {
    const page = pageColour(svg.parentElement), shapes = [];
    for (const element of svg.querySelectorAll("path, rect, circle, ellipse, polygon, text")) {
      const style = getComputedStyle(element);
      if (style.visibility !== "visible" || element.closest("defs, clipPath")) continue;
      if (element.tagName !== "text") {
        if (style.fill !== "none") shapes.push([element, faded(element, style.fill, style.fillOpacity)]);
        continue;
      }
      const box = element.getBoundingClientRect(), matrix = element.getScreenCTM();
      if (!box.width || matrix === null) continue;
      const x = box.x + box.width / 2, y = box.y + box.height / 2;
      texts.push({
        element: name(element),
        colour: faded(element, style.fill, style.fillOpacity),
        background: shapes.filter(([shape]) => covers(shape, x, y)).reduce((back, [, fill]) => over(fill, back), page),
        size: parseFloat(style.fontSize) * Math.hypot(matrix.a, matrix.b),
        weight: parseInt(style.fontWeight),
      });
    }
  }

  const scrolls = (element) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX);
  const inScroller = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) if (scrolls(at)) return true;
    return false;
  };
  const wide = document.documentElement.scrollWidth > width
    ? [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width + 1 && !inScroller(e))
    : [];
  return {
    pageWidth: document.documentElement.scrollWidth,
    wide: wide.slice(0, 5).map(name),
    cut: [...document.body.querySelectorAll("*")]
      .filter((e) => !(e instanceof SVGElement) && scrolls(e) && e.scrollWidth > e.clientWidth + 1)
      .map((e) => [name(e), e.scrollWidth - e.clientWidth]),
    brokenImages: [...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src.slice(0, 80)),
    bareTables: [...document.querySelectorAll("table")].filter((table) => !table.querySelector("th")).map(name),
    texts,
  };
}
