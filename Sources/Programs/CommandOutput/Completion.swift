/// What a shell offers when somebody presses Tab. The scripts ask the program, which asks the parser's description: no
/// list of commands is kept anywhere else.
public enum Completion {
    public enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

    /// What may stand in place of the last of `words`, which is not complete yet. Nil: names of files.
    public static func candidates(_ words: [String], in tree: CommandTree) -> [String]? {
        var (command, rest) = (tree, words.dropLast())
        let typed = words.last ?? ""
        while let word = rest.first, let next = command.command(word) {
            command = next
            rest = rest.dropFirst()
        }
        if command.shown.isEmpty == false, rest.isEmpty, !typed.begins(with: "-") {
            return command.shown.map(\.commandName).filter { $0.begins(with: typed) }
        }
        // A default command answers to what its group does not have.
        let all = command.options + (command.defaultSubcommand.flatMap { command.command($0)?.options } ?? [])
        if let before = rest.last, before.begins(with: "-"), let option = all.first(where: { $0.answers(to: before) }),
            option.kind == .option
        {
            return option.allValues.map { $0.filter { $0.begins(with: typed) } }
        }
        guard typed.begins(with: "-") else { return nil }
        let names = all.flatMap { ($0.names ?? []).map(\.text) } + ["--help"]
        return Set(names).filter { $0.begins(with: typed) }.sorted()
    }

    public static func script(_ shell: Shell) -> String {
        switch shell {
        case .bash:
            """
            # bash completion of bulkhead
            _bulkhead() {
                local IFS=$'\\n'
                COMPREPLY=($(bulkhead completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null))
            }
            complete -o default -o bashdefault -F _bulkhead bulkhead

            """
        case .zsh:
            """
            #compdef bulkhead
            local -a found
            found=("${(@f)$(bulkhead completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null)}")
            if [[ -n ${found[1]} ]]; then compadd -- "${found[@]}"; else _files; fi

            """
        case .fish:
            """
            # fish completion of bulkhead
            function __bulkhead_words
                set -l typed (commandline -opc) (commandline -ct)
                bulkhead completion words -- $typed[2..-1] 2> /dev/null
            end
            complete -c bulkhead -a '(__bulkhead_words)'

            """
        }
    }
}

extension CommandTree.Argument {
    fileprivate func answers(to word: String) -> Bool { names?.contains { $0.text == word } == true }
}
