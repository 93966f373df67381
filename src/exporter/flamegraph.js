// What makes the picture answer: it fills the window, a click zooms, a word searches.
(function () {
	"use strict";
	const svg = document.currentScript ? document.currentScript.ownerSVGElement : document.documentElement;
	const NS = svg.namespaceURI;
	const PADDING = 16;
	const MIN_PIXELS = 0.4;
	const make = (parent, name, attributes) => {
		const element = document.createElementNS(NS, name);
		for (const key in attributes)
			element.setAttribute(key, attributes[key]);
		parent.appendChild(element);
		return element;
	};
	const group = svg.querySelector("#frames");
	const frames = Array.from(group.querySelectorAll(".frame"), (element) => {
		const title = element.querySelector("title");
		const lines = title.textContent.split("\n");
		title.remove(); // the tip shows it
		element.setAttribute("aria-label", lines[0]);
		return {
			element, lines, name: lines[0],
			rect: element.querySelector("rect"),
			text: element.querySelector("text") || make(element, "text", { y: +element.querySelector("rect").getAttribute("y") + 13 }),
			start: +element.dataset.start, weight: +element.dataset.weight,
			y: +element.querySelector("rect").getAttribute("y"),
		};
	});
	const root = frames[0];
	let zoomed = root;
	let width = 0;
	let charWidth = 7.2;

	// ---- the header ----

	const search = make(svg, "foreignObject", { y: 12, width: 230, height: 32 });
	const input = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
	input.setAttribute("type", "search");
	input.setAttribute("placeholder", "Search: name or /expression/");
	input.setAttribute("aria-label", "Search");
	search.appendChild(input);
	const status = make(svg, "text", { class: "status", y: 62, "text-anchor": "end", id: "status" });
	const reset = make(svg, "text", { class: "button", y: 30, "text-anchor": "end", id: "reset", display: "none" });
	reset.textContent = "Reset zoom";

	// ---- drawing ----

	const contains = (outer, inner) =>
		outer.start <= inner.start && inner.start + inner.weight <= outer.start + outer.weight;

	function place(frame) {
		const isParent = frame.y < zoomed.y && contains(frame, zoomed);
		const isBelow = frame.y >= zoomed.y && contains(zoomed, frame);
		const scale = zoomed.weight > 0 ? width / zoomed.weight : 0;
		const x = isParent ? 0 : (frame.start - zoomed.start) * scale;
		const pixels = isParent ? width : frame.weight * scale;
		if ((!isParent && !isBelow) || pixels < MIN_PIXELS) {
			frame.element.setAttribute("display", "none");
			return;
		}
		frame.element.removeAttribute("display");
		frame.element.classList.toggle("parent", isParent);
		frame.rect.setAttribute("x", (PADDING + x).toFixed(2));
		frame.rect.setAttribute("width", Math.max(pixels - 0.6, MIN_PIXELS).toFixed(2));
		const room = Math.floor((pixels - 8) / charWidth);
		frame.text.setAttribute("x", (PADDING + x + 4).toFixed(2));
		frame.text.textContent = room < 2 ? "" :
			frame.name.length <= room ? frame.name : frame.name.slice(0, room - 1) + "\u2026";
	}

	function draw() {
		width = Math.max(svg.clientWidth || svg.getBoundingClientRect().width, 320) - 2 * PADDING;
		search.setAttribute("x", PADDING + width - 230);
		reset.setAttribute("x", PADDING + width - 246);
		status.setAttribute("x", PADDING + width);
		reset.setAttribute("display", zoomed === root ? "none" : "inline");
		frames.forEach(place);
	}

	function zoom(frame) {
		zoomed = frame;
		hideTip();
		draw();
	}

	// ---- searching ----

	function expression(text) {
		const body = /^\/(.+)\/$/.exec(text);
		try {
			return new RegExp(body ? body[1] : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
		} catch (error) {
			return null;
		}
	}

	function find(text) {
		const pattern = text ? expression(text) : null;
		let matched = 0, count = 0, covered = -1;
		frames.forEach((frame) => {
			const is = pattern !== null && frame !== root && pattern.test(frame.name);
			frame.element.classList.toggle("match", is);
			if (!is)
				return;
			count++;
			if (frame.start >= covered) { // not within another one
				matched += frame.weight;
				covered = frame.start + frame.weight;
			}
		});
		group.classList.toggle("searching", pattern !== null);
		status.textContent = !text ? "" : !pattern ? "not an expression" :
			count + (count === 1 ? " frame, " : " frames, ") +
			(root.weight ? 100 * matched / root.weight : 0).toFixed(1) + " % of all";
	}

	// ---- the tip ----

	const tip = make(svg, "g", { id: "tip", display: "none" });
	const tipBox = make(tip, "rect", { rx: 6 });
	const tipLines = [0, 1, 2].map((line) =>
		make(tip, "text", { x: 10, y: 20 + 17 * line, class: line ? "less" : "" }));

	function hideTip() {
		tip.setAttribute("display", "none");
	}

	function showTip(frame, event) {
		const bounds = svg.getBoundingClientRect();
		const most = Math.max(Math.floor((width - 20) / charWidth), 20);
		tipLines.forEach((line, i) => {
			const text = frame.lines[i] || "";
			line.textContent = text.length > most ? text.slice(0, most - 1) + "\u2026" : text;
		});
		tip.removeAttribute("display");
		const boxWidth = 20 + Math.max(...tipLines.map((line) => line.getComputedTextLength()));
		const boxHeight = 13 + 17 * frame.lines.length;
		tipBox.setAttribute("width", boxWidth);
		tipBox.setAttribute("height", boxHeight);
		const x = Math.min(event.clientX - bounds.left + 14, PADDING + width - boxWidth);
		let y = event.clientY - bounds.top + 18;
		if (event.clientY + 18 + boxHeight > window.innerHeight)
			y -= boxHeight + 30;
		tip.setAttribute("transform", "translate(" + Math.max(x, 2) + "," + y + ")");
	}

	// ---- events ----

	const byElement = new Map(frames.map((frame) => [frame.element, frame]));
	const frameOf = (event) => byElement.get(event.target.closest(".frame"));
	group.addEventListener("click", (event) => {
		const frame = frameOf(event);
		if (frame)
			zoom(frame);
	});
	group.addEventListener("mousemove", (event) => {
		const frame = frameOf(event);
		if (frame)
			showTip(frame, event);
		else
			hideTip();
	});
	group.addEventListener("mouseleave", hideTip);
	reset.addEventListener("click", () => zoom(root));
	input.addEventListener("input", () => find(input.value));
	window.addEventListener("resize", draw);
	window.addEventListener("keydown", (event) => {
		if (event.key === "Escape") {
			if (input.value) {
				input.value = "";
				find("");
			} else {
				zoom(root);
			}
		} else if (event.key === "/" && document.activeElement !== input) {
			event.preventDefault();
			input.focus();
		}
	});

	svg.removeAttribute("viewBox"); // a unit is a pixel from here on
	svg.setAttribute("width", "100%");
	tip.removeAttribute("display");
	tipLines[0].textContent = "MMMMMMMMMM";
	charWidth = tipLines[0].getComputedTextLength() / 10 || charWidth;
	hideTip();
	draw();
})();
