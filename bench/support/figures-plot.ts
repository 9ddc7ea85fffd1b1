/**
 * All figures in one picture: a bar for each, as long as its share of what is asked for, so that
 * one line shows which are as they should be, whether they are to be high or low.
 */

import { type Figure, goalText, isReached, shareOfGoal, valueText } from "./figures.ts";

const [width, rowHeight, labelWidth, margin] = [1000, 26, 420, 16];
const longest = 3;

export function figuresPlot(figures: readonly Figure[]): string {
  const scale = (width - labelWidth - 190) / longest;
  const top = 40;
  const height = top + figures.length * rowHeight + margin;
  const goalX = labelWidth + scale;
  const bars = figures.flatMap((figure, index) => {
    const y = top + index * rowHeight;
    const share = shareOfGoal(figure);
    const length = Math.min(share ?? 0, longest) * scale;
    const color = isReached(figure) ? "#2a9d5c" : "#c0392b";
    const cut = (share ?? 0) > longest ? " …" : "";
    return [
      text(margin, y + 14, figure.label),
      `<rect x="${labelWidth}" y="${y + 3}" width="${length.toFixed(1)}" height="16"` +
        ` fill="${color}"/>`,
      text(labelWidth + length + 6, y + 15, `${valueText(figure)}${cut} (${goalText(figure)})`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"`,
    '  font-family="sans-serif" font-size="12">',
    "<title>Each figure as a share of what is asked for</title>",
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(goalX - 60, 20, "what is asked for"),
    `<path stroke="#888" stroke-dasharray="4 3" d="M${goalX} 26V${height - margin}"/>`,
    ...bars,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, said: string): string {
  const escaped = said.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#333">${escaped}</text>`;
}
