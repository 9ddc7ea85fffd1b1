/** A job among those it came from, waits for, added, and is waited for by. */

import type { JobDetails } from "../api/records.ts";
import { href } from "../routing/route.ts";
import { type GraphEdge, type GraphNode, graphLayout, nodeSize } from "./graph-layout.ts";

const longestName = 20;

export function RelativesGraph({ job }: { job: JobDetails }) {
  const layout = graphLayout(job);
  if (layout === null) return null;
  const { width, height, nodes, edges } = layout;
  return (
    <section class="card" aria-labelledby="relatives">
      <h2 id="relatives">Related jobs</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="graph" tabIndex={0} aria-label="Graph of related jobs">
        <svg width={width + 4} height={height + 4} viewBox={`-2 -2 ${width + 4} ${height + 4}`}>
          <title>Jobs that come before and after this one</title>
          {edges.map((edge) => (
            <EdgeLine key={`${edge.from.id}-${edge.to.id}`} edge={edge} />
          ))}
          {nodes.map((node) => (
            <NodeBox key={node.id} node={node} />
          ))}
        </svg>
      </section>
      <p class="faint small-text">Solid: waits for its end. Dashed: only added by it.</p>
    </section>
  );
}

function EdgeLine({ edge: { from, to, waits } }: { edge: GraphEdge }) {
  const [x1, y1] = [from.x + nodeSize.width, from.y + nodeSize.height / 2];
  const [x2, y2] = [to.x, to.y + nodeSize.height / 2];
  const middle = (x1 + x2) / 2;
  return (
    <path
      class={waits ? "edge" : "edge dashed"}
      d={`M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2 - 6},${y2} m-6,-4 l6,4 l-6,4`}
    />
  );
}

function NodeBox({ node }: { node: GraphNode }) {
  const { id, task, status, x, y, isThis } = node;
  const name = task.length > longestName ? `${task.slice(0, longestName - 1)}…` : task;
  const box = (
    <g transform={`translate(${x},${y})`} class={`node status-${status}${isThis ? " this" : ""}`}>
      <title>{`Job ${id}, ${task}, ${status || "no longer kept"}`}</title>
      <rect {...nodeSize} rx={7} />
      <text x={12} y={19}>
        {name}
      </text>
      <text x={12} y={36} class="node-state">
        {`${id} · ${status || "gone"}`}
      </text>
    </g>
  );
  return isThis ? box : <a href={href("job", id)}>{box}</a>;
}
