/** Any JSON value as a tree that can be folded. Everything in it is text, whatever it holds. */

import { CopyButton } from "./copy-button.tsx";

const shownMembers = 100;
const longestText = 2_000;
const openDepth = 2;

export function JsonView({ value, label }: { value: unknown; label: string }) {
  if (value === null || value === undefined) return <p class="faint">none</p>;
  return (
    <div class="json">
      <div class="json-tools">
        <CopyButton text={JSON.stringify(value, null, 2)} what={label} />
      </div>
      <JsonNode value={value} depth={0} />
    </div>
  );
}

interface NodeProps {
  readonly value: unknown;
  readonly depth: number;
  readonly name?: string;
}

function JsonNode({ value, depth, name }: NodeProps) {
  if (typeof value !== "object" || value === null) {
    return (
      <div class="json-line">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  const members = Object.entries(value);
  const size = Array.isArray(value) ? `[${members.length}]` : `{${members.length}}`;
  if (members.length === 0) {
    return (
      <div class="json-line">
        <Name name={name} />
        <span class="faint">{Array.isArray(value) ? "[]" : "{}"}</span>
      </div>
    );
  }
  return (
    <details class="json-node" open={depth < openDepth && members.length <= shownMembers}>
      <summary>
        <Name name={name} />
        <span class="faint">{size}</span>
      </summary>
      <div class="json-members">
        {members.slice(0, shownMembers).map(([key, member]) => (
          <JsonNode key={key} name={key} value={member} depth={depth + 1} />
        ))}
        {members.length > shownMembers && (
          <p class="faint">{members.length - shownMembers} more: copy to see all.</p>
        )}
      </div>
    </details>
  );
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="json-name">{name}: </span>;
}

function Leaf({ value }: { value: unknown }) {
  const text = JSON.stringify(value) ?? String(value);
  const shown = text.length > longestText ? `${text.slice(0, longestText)}… (cut)` : text;
  return <span class={`json-${value === null ? "null" : typeof value}`}>{shown}</span>;
}
