/** The inputs of a generated form: each shows a JSON value and gives back another. */

import { useState } from "preact/hooks";
import { parsedJson, Unparsed } from "./form-value.ts";

export interface InputProps {
  readonly id: string;
  readonly value: unknown;
  readonly isRequired: boolean;
  readonly default: unknown;
  /** The element that says what is wrong. */
  readonly problemId?: string;
  readonly descriptionId?: string;
  readonly onChange: (value: unknown) => void;
}

const inputTypes: Readonly<Record<string, string>> = {
  email: "email",
  uri: "url",
  date: "date",
  time: "time",
  "date-time": "datetime-local",
};

type TextInputProps = InputProps & {
  readonly format: string | null;
  readonly isLong: boolean;
  readonly isSecret: boolean;
};

export function TextInput({ format, isLong, isSecret, ...props }: TextInputProps) {
  const type = isSecret ? "password" : (inputTypes[format ?? ""] ?? "text");
  const shown = typeof props.value === "string" ? props.value : "";
  const isMoment = type === "datetime-local";
  const common = {
    ...describedBy(props),
    placeholder: placeholder(props),
    // A browser must neither fill in nor keep what is secret.
    ...(isSecret ? { autoComplete: "new-password" } : {}),
    value: isMoment ? localMoment(shown) : shown,
    onInput: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      props.onChange(value === "" ? undefined : isMoment ? utcMoment(value) : value),
  };
  if (!isSecret && (isLong || shown.includes("\n"))) return <textarea rows={4} {...common} />;
  const attributes = { ...common, type, step: isMoment ? "1" : undefined };
  // why: the types want each type of input written out
  return <input {...(attributes as object)} />;
}

type NumberInputProps = InputProps & { readonly isWhole: boolean; readonly hint: string | null };

export function NumberInput({ isWhole, hint, ...props }: NumberInputProps) {
  const { value, onChange } = props;
  const [text, setText] = useState(value === undefined ? "" : String(value));
  return (
    <input
      type="text"
      inputMode={isWhole ? "numeric" : "decimal"}
      {...describedBy(props)}
      placeholder={[placeholder(props), hint].filter(Boolean).join(", ")}
      value={text}
      onInput={({ currentTarget }) => {
        const typed = currentTarget.value.trim();
        setText(currentTarget.value);
        // What is no number is sent as it is: the task's schema says it best.
        const number = Number(typed);
        onChange(typed === "" ? undefined : Number.isFinite(number) ? number : typed);
      }}
    />
  );
}

export function BooleanInput(props: InputProps) {
  const { value, isRequired, onChange } = props;
  if (isRequired) {
    return (
      <input
        type="checkbox"
        {...describedBy(props)}
        checked={value === true}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
    );
  }
  return <ChoiceInput {...props} values={[true, false]} />;
}

export function ChoiceInput({ values, ...props }: InputProps & { values: readonly unknown[] }) {
  const texts = values.map((one) => JSON.stringify(one));
  const chosen = texts.indexOf(JSON.stringify(props.value) ?? "");
  const none = placeholder(props) || (props.isRequired ? "choose" : "none");
  return (
    <select
      {...describedBy(props)}
      value={chosen === -1 ? "" : String(chosen)}
      onChange={({ currentTarget: { value } }) =>
        props.onChange(value === "" ? undefined : values[Number(value)])
      }
    >
      <option value="">{none}</option>
      {values.map((one, index) => (
        <option key={texts[index]} value={String(index)}>
          {typeof one === "string" ? one : texts[index]}
        </option>
      ))}
    </select>
  );
}

export function ConstantInput({ constant, ...props }: InputProps & { constant: unknown }) {
  if (props.isRequired) {
    return <input {...describedBy(props)} value={shownText(constant)} readOnly />;
  }
  return <ChoiceInput {...props} values={[constant]} />;
}

export function JsonInput(props: InputProps) {
  const { value, onChange } = props;
  const [text, setText] = useState(() => jsonText(value));
  return (
    <>
      <textarea
        class="code"
        rows={Math.min(Math.max(text.split("\n").length, 2), 20)}
        spellcheck={false}
        {...describedBy(props)}
        placeholder={placeholder(props) || "JSON"}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          onChange(parsedJson(currentTarget.value));
        }}
      />
      {value instanceof Unparsed && <p class="issue">Not JSON yet: {value.problem}</p>}
    </>
  );
}

function describedBy({ id, isRequired, problemId, descriptionId }: InputProps) {
  const describing = [descriptionId, problemId].filter((one) => one !== undefined).join(" ");
  return {
    id,
    "aria-required": isRequired,
    ...(problemId === undefined ? {} : { "aria-invalid": true }),
    ...(describing === "" ? {} : { "aria-describedby": describing }),
  };
}

function placeholder(props: InputProps): string {
  return props.default === undefined ? "" : `default: ${shownText(props.default)}`;
}

function shownText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function jsonText(value: unknown): string {
  if (value instanceof Unparsed) return value.text;
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** For the browser's own field, which knows no zone. */
function localMoment(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return "";
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

function utcMoment(local: string): string {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? local : new Date(ms).toISOString();
}
