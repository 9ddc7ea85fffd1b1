/**
 * What a shell needs to complete the command: scripts that ask `taskrun completion --line` for
 * the words, one "word<tab>sentence" per line. They prefer the project's own taskrun.
 */

export type ShellName = "bash" | "zsh" | "fish";

export const completionScripts: Readonly<Record<ShellName, string>> = {
  bash: `# taskrun for bash. In ~/.bashrc:  source <(npx taskrun completion bash)
_taskrun() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line="\${COMP_LINE:0:COMP_POINT}" words
  words=$(PATH="$PWD/node_modules/.bin:$PATH" taskrun completion --line "$line" 2>/dev/null)
  COMPREPLY=($(compgen -W "$(cut -f 1 <<<"$words")" -- "$current"))
}
complete -o default -F _taskrun taskrun`,
  zsh: `#compdef taskrun
# taskrun for zsh. In ~/.zshrc, after compinit:  source <(npx taskrun completion zsh)
_taskrun() {
  local -a words_found
  local word sentence
  while IFS=$'\\t' read -r word sentence; do
    words_found+=("\${word//:/\\\\:}:$sentence")
  done < <(PATH="$PWD/node_modules/.bin:$PATH" taskrun completion --line "$LBUFFER" 2>/dev/null)
  if (( \${#words_found} )); then _describe taskrun words_found; else _files; fi
}
compdef _taskrun taskrun`,
  fish: `# taskrun for fish. Into ~/.config/fish/completions/taskrun.fish
function __taskrun_words
  set -lx PATH $PWD/node_modules/.bin $PATH
  taskrun completion --line (commandline -cp) 2>/dev/null
end
complete -c taskrun -f -a '(__taskrun_words)'`,
};
