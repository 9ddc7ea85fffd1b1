/** One field of a generated form, and all beneath it, with what the server says is wrong there. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import {
  BooleanInput,
  ChoiceInput,
  ConstantInput,
  type InputProps,
  JsonInput,
  NumberInput,
  TextInput,
} from "./field-inputs.tsx";
import { type FormField, formField, type JsonSchema } from "./form-field.ts";
import { type Path, samePath, startValue } from "./form-value.ts";

export interface PlacedIssue {
  readonly path: Path;
  readonly message: string;
}

export interface SchemaFieldProps {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
  readonly path: Path;
  readonly isRequired: boolean;
  readonly value: unknown;
  readonly issues: readonly PlacedIssue[];
  readonly onChange: (value: unknown) => void;
}

export function SchemaField(props: SchemaFieldProps) {
  const field = formField(props.schema, props.root);
  if (field.kind === "group") return <GroupField {...props} field={field} />;
  if (field.kind === "list") return <ListField {...props} field={field} />;
  return <SingleField {...props} field={field} />;
}

type Of<Kind extends FormField["kind"]> = SchemaFieldProps & {
  readonly field: FormField & { readonly kind: Kind };
};

function SingleField({ field, ...props }: SchemaFieldProps & { readonly field: FormField }) {
  const { name, path, isRequired, value, issues, onChange } = props;
  const id = useId();
  const own = issues.filter((issue) => isHere(issue, path, field.kind === "json"));
  const input: InputProps = {
    id,
    value,
    isRequired,
    default: field.default,
    ...(own.length > 0 ? { problemId: `${id}-problem` } : {}),
    ...(field.description === null ? {} : { descriptionId: `${id}-description` }),
    onChange,
  };
  return (
    <div class={own.length > 0 ? "field wrong" : "field"} data-path={path.join(".")}>
      <label htmlFor={id}>
        <Label name={name} isRequired={isRequired} />
      </label>
      {field.description !== null && (
        <p class="hint" id={`${id}-description`}>
          {field.description}
        </p>
      )}
      {inputOf(field, input)}
      <Issues id={`${id}-problem`} issues={own} />
    </div>
  );
}

function inputOf(field: FormField, input: InputProps): ComponentChildren {
  if (field.kind === "text") return <TextInput {...input} {...field} />;
  if (field.kind === "number") return <NumberInput {...input} {...field} />;
  if (field.kind === "boolean") return <BooleanInput {...input} />;
  if (field.kind === "choice") return <ChoiceInput {...input} values={field.values} />;
  if (field.kind === "constant") return <ConstantInput {...input} constant={field.value} />;
  return <JsonInput {...input} />;
}

function GroupField({ field, ...props }: Of<"group">) {
  const { name, schema, root, path, isRequired, value, issues, onChange } = props;
  const isRoot = path.length === 1;
  const members = record(value);
  if (members === null) {
    return (
      <AbsentField {...props} description={field.description} what={name}>
        <button type="button" onClick={() => onChange(startValue(schema, root, true) ?? {})}>
          Fill in {name}
        </button>
      </AbsentField>
    );
  }
  return (
    <fieldset class={isRoot ? "group root" : "group"}>
      <legend class={isRoot ? "visually-hidden" : ""}>
        <Label name={name} isRequired={isRequired} />
      </legend>
      {field.description !== null && <p class="hint">{field.description}</p>}
      <Issues issues={issues.filter((issue) => samePath(issue.path, path))} />
      {field.members.map((member) => (
        <SchemaField
          key={member.name}
          {...member}
          root={root}
          path={[...path, member.name]}
          value={members[member.name]}
          issues={issues}
          onChange={(next) => onChange({ ...members, [member.name]: next })}
        />
      ))}
      {!isRequired && (
        <button type="button" class="small" onClick={() => onChange(undefined)}>
          Leave out {name}
        </button>
      )}
    </fieldset>
  );
}

function ListField({ field, ...props }: Of<"list">) {
  const { name, root, path, isRequired, value, issues, onChange } = props;
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const replace = (index: number, next: unknown): void =>
    onChange(items.map((item, at) => (at === index ? next : item)));
  const remove = (index: number): void => {
    const rest = items.filter((_, at) => at !== index);
    onChange(rest.length === 0 && !isRequired ? undefined : rest);
  };
  return (
    <fieldset class="group list">
      <legend>
        <Label name={name} isRequired={isRequired} />
      </legend>
      {field.description !== null && <p class="hint">{field.description}</p>}
      <Issues issues={issues.filter((issue) => samePath(issue.path, path))} />
      {items.map((item, index) => (
        <div key={`${index} of ${items.length}`} class="list-item">
          <SchemaField
            name={`${name} ${index + 1}`}
            schema={field.item}
            root={root}
            path={[...path, index]}
            isRequired={true}
            value={item}
            issues={issues}
            onChange={(next) => replace(index, next)}
          />
          <button
            type="button"
            class="small"
            aria-label={`Remove ${name} ${index + 1}`}
            onClick={() => remove(index)}
          >
            Remove
          </button>
        </div>
      ))}
      <button
        type="button"
        class="small"
        onClick={() => onChange([...items, startValue(field.item, root, true)])}
      >
        Add to {name}
      </button>
    </fieldset>
  );
}

interface AbsentFieldProps extends SchemaFieldProps {
  readonly what: string;
  readonly description: string | null;
  readonly children: ComponentChildren;
}

function AbsentField({ name, isRequired, path, issues, description, children }: AbsentFieldProps) {
  return (
    <div class="field" data-path={path.join(".")}>
      <span class="label">
        <Label name={name} isRequired={isRequired} />
      </span>
      {description !== null && <p class="hint">{description}</p>}
      {children}
      <Issues issues={issues.filter((issue) => samePath(issue.path, path))} />
    </div>
  );
}

function Label({ name, isRequired }: { name: string; isRequired: boolean }) {
  return (
    <>
      <span class="label">{name}</span>
      {!isRequired && <span class="faint small-text"> optional</span>}
    </>
  );
}

function Issues({ issues, id }: { issues: readonly PlacedIssue[]; id?: string }) {
  if (issues.length === 0) return null;
  return (
    <p class="issue" role="alert" {...(id === undefined ? {} : { id })}>
      {issues.map(({ message }) => message).join("; ")}
    </p>
  );
}

/** A field of JSON answers for all that is in it. */
function isHere(issue: PlacedIssue, path: Path, withInner: boolean): boolean {
  return samePath(withInner ? issue.path.slice(0, path.length) : issue.path, path);
}

function record(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return { ...value };
}
