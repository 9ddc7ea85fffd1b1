/** A stack trace with the user's own lines standing out; on this machine they open the editor. */

import { CopyButton } from "../controls/copy-button.tsx";
import { editorLink, stackLines } from "./stack-lines.ts";

export function StackView({ stack }: { stack: string }) {
  const isLocal = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  return (
    <div class="code-block">
      <div class="json-tools">
        <CopyButton text={stack} what="the stack" />
      </div>
      <pre class="stack">
        {stackLines(stack).map((line, index) => {
          const link = isLocal && line.isOwn ? editorLink(line) : null;
          return (
            <span key={index} class={line.isOwn ? "own" : line.file === null ? "" : "foreign"}>
              {link === null ? line.text : <a href={link}>{line.text}</a>}
              {"\n"}
            </span>
          );
        })}
      </pre>
    </div>
  );
}
