/** All keys and what they do. */

import { Dialog } from "../controls/dialog.tsx";

const groups: readonly (readonly [title: string, keys: readonly (readonly [string, string])[]])[] =
  [
    [
      "Everywhere",
      [
        ["?", "these keys"],
        ["/", "search"],
        ["esc", "back; leave a field; close a window"],
        ["g o", "overview"],
        ["g j", "jobs"],
        ["g t", "tasks"],
        ["g c", "crontab"],
        ["g e", "errors"],
        ["g p", "processes"],
        ["g a", "add a job: choose its task"],
      ],
    ],
    [
      "In lists",
      [
        ["j k", "next, previous"],
        ["enter", "open"],
        ["x", "select a job"],
        ["n", "show the new ones"],
        ["r", "retry"],
        ["c", "cancel a job"],
        ["R C", "retry, cancel all that are selected or match"],
      ],
    ],
    [
      "On a task, on a line of the crontab",
      [
        ["a", "add a job"],
        ["u", "run the line now"],
        ["p", "pause, resume"],
      ],
    ],
    [
      "On a job",
      [
        ["r", "retry"],
        ["c", "cancel"],
        ["u", "run now"],
        ["s", "add a similar job"],
      ],
    ],
  ];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div class="help">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, does]) => (
                <div key={key}>
                  <dt>
                    {key.split(" ").map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
