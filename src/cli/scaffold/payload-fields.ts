/**
 * The field language of `taskrun new --schema`: "to:email, count:int?, size:s|m|l, tags:string[]".
 * Owns its types and what each becomes in zod; refuses what it doesn't know by name.
 */

import { closestName } from "../../core/closest-name.ts";
import { type CliError, usageError } from "../cli-error.ts";

export interface PayloadField {
  readonly name: string;
  /** The field's schema, as code. */
  readonly code: string;
  /** A value that the schema takes, for the test. */
  readonly sample: unknown;
  readonly optional: boolean;
}

interface FieldType {
  readonly code: string;
  readonly sample: unknown;
}

const fieldTypes: Readonly<Record<string, FieldType>> = {
  string: { code: "z.string()", sample: "text" },
  email: { code: "z.email()", sample: "ada@example.com" },
  url: { code: "z.url()", sample: "https://example.com/" },
  uuid: { code: "z.uuid()", sample: "3f2504e0-4f89-41d3-9a0c-0305e82c3301" },
  date: { code: "z.iso.date()", sample: "2030-01-31" },
  datetime: { code: "z.iso.datetime()", sample: "2030-01-31T08:00:00Z" },
  int: { code: "z.int()", sample: 1 },
  number: { code: "z.number()", sample: 1.5 },
  boolean: { code: "z.boolean()", sample: true },
  json: { code: "z.json()", sample: { key: "value" } },
};

const hint =
  'Write name:type, such as "to:email, count:int?, size:s|m|l, tags:string[]"; the types are ' +
  `${Object.keys(fieldTypes).join(", ")}.`;

/** A name alone is a string. @throws CliError that names the field and what is wrong with it */
export function parsePayloadFields(text: string): PayloadField[] {
  const fields = text.split(",").map((part) => parseField(part.trim()));
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refusal(twice, "the field is there twice");
  return fields;
}

function parseField(text: string): PayloadField {
  const [name = "", type = "string", ...rest] = text.split(":").map((part) => part.trim());
  if (name === "") throw refusal(text, "a field's name is missing");
  if (!/^[A-Za-z_$][\w$]*\??$/.test(name)) {
    throw refusal(text, 'a field\'s name has letters, digits and "_" and starts with no digit');
  }
  if (rest.length > 0) throw refusal(text, "there is more than one type");
  const optional = name.endsWith("?") || type.endsWith("?");
  const { code, sample } = readType(text, type.replace(/\?$/, ""));
  const field = name.replace(/\?$/, "");
  return { name: field, code: optional ? `${code}.optional()` : code, sample, optional };
}

function readType(text: string, type: string): FieldType {
  if (type.endsWith("[]")) {
    const { code, sample } = readType(text, type.slice(0, -2));
    return { code: `z.array(${code})`, sample: [sample] };
  }
  if (type.includes("|")) {
    const choices = type.split("|").map((choice) => choice.trim());
    if (choices.includes("")) throw refusal(text, "a choice is empty");
    const shown = choices.map((choice) => JSON.stringify(choice)).join(", ");
    return { code: `z.enum([${shown}])`, sample: choices[0] };
  }
  const known = Object.hasOwn(fieldTypes, type) ? fieldTypes[type] : undefined;
  if (known !== undefined) return known;
  const meant = closestName(type, Object.keys(fieldTypes));
  const better = meant === null ? "" : `; did you mean ${meant}?`;
  throw refusal(text, `there is no type ${JSON.stringify(type)}${better}`);
}

function refusal(field: string, reason: string): CliError {
  return usageError(`--schema, at ${JSON.stringify(field)}: ${reason}`, hint);
}
