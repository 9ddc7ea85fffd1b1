/** A job's state as a word with a mark: told by shape and text, never by colour alone. */

const marks: Readonly<Record<string, string>> = {
  pending: "○",
  scheduled: "◷",
  blocked: "⊘",
  running: "▶",
  retrying: "↻",
  completed: "✓",
  failed: "✕",
  cancelled: "–",
};

export function StatusBadge({ status }: { status: string }) {
  return (
    <span class={`badge status-${status}`}>
      <span aria-hidden="true">{marks[status] ?? "·"}</span> {status}
    </span>
  );
}
