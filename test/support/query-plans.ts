/** What Postgres would do for what is asked of it: for tests of how much a question reads. */

import type pg from "pg";

export interface PlannedPool {
  /** Asks as the pool does, and lets each statement be explained first. */
  readonly db: pg.Pool;
  /** Of the statements so far: "Index Scan history", "Seq Scan tasks", … */
  readonly scans: Set<string>;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

export function plannedPool(pool: pg.Pool): PlannedPool {
  const scans = new Set<string>();
  const note = (node: PlanNode): void => {
    const relation = node["Relation Name"];
    if (relation !== undefined) scans.add(`${node["Node Type"]} ${relation}`);
    for (const inner of node.Plans ?? []) note(inner);
  };
  const planned = <Of extends pg.Pool | pg.PoolClient>(of: Of): Of =>
    new Proxy(of, {
      get(target, name) {
        if (name === "connect") return async () => planned(await pool.connect());
        const value = Reflect.get(target, name);
        if (name !== "query") return typeof value === "function" ? value.bind(target) : value;
        return async (asked: string | pg.QueryConfig, values?: unknown[]) => {
          const text = typeof asked === "string" ? asked : asked.text;
          const given = values ?? (typeof asked === "string" ? [] : (asked.values ?? []));
          if (/^\s*(select|with)\b/.test(text)) {
            const { rows } = await target.query(`explain (format json) ${text}`, given);
            note(rows[0]["QUERY PLAN"][0].Plan);
          }
          return target.query(asked, values);
        };
      },
    });
  return { db: planned(pool), scans };
}
