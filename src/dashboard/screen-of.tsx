/** Which component shows which route. */

import { AddScreen } from "./add/add-screen.tsx";
import { Notice } from "./controls/notice.tsx";
import { CrontabScreen } from "./crontab/crontab-screen.tsx";
import { ErrorsScreen } from "./errors/errors-screen.tsx";
import { JobScreen } from "./job/job-screen.tsx";
import { JobsScreen } from "./jobs/jobs-screen.tsx";
import { OverviewScreen } from "./overview/overview-screen.tsx";
import { ProcessesScreen } from "./processes/processes-screen.tsx";
import { href, type Route } from "./routing/route.ts";
import { TaskScreen } from "./tasks/task-screen.tsx";
import { TasksScreen } from "./tasks/tasks-screen.tsx";

export function ScreenOf({ route: { screen, id, params } }: { route: Route }) {
  switch (screen) {
    case "overview":
      return <OverviewScreen />;
    case "jobs":
      return <JobsScreen params={params} />;
    case "job":
      return <JobScreen id={id} />;
    case "tasks":
      return <TasksScreen />;
    case "task":
      return <TaskScreen name={id} />;
    case "add":
      return <AddScreen task={id} like={params.get("like")} />;
    case "crontab":
      return <CrontabScreen />;
    case "errors":
      return <ErrorsScreen />;
    case "processes":
      return <ProcessesScreen />;
    default:
      return (
        <Notice title="There is no such screen.">
          <p>
            <a href={href("overview")}>To the overview</a>
          </p>
        </Notice>
      );
  }
}
