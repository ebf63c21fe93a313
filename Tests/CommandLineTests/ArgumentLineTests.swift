import ArgumentParser
import CommandOutput
import Diagnostics
import Testing

@testable import bulkhead

@Suite("The command line itself")
struct ArgumentLineTests {
    @Test(
        "what follows the image is the task's, whatever it looks like",
        arguments: [
            ("run busybox ls --help", ["busybox", "ls", "--help"]),
            ("run --rm -it -m 64m busybox sh -c -x", ["busybox", "sh", "-c", "-x"]),
            ("run -m64m -v /a:/b busybox --rm", ["busybox", "--rm"]),
            ("run --memory=64m --init=false busybox --init=false", ["busybox", "--init=false"]),
            ("run -- busybox -- ls", ["busybox", "ls"]),
            ("run --pids -1 busybox -1", ["busybox", "-1"]),
            ("run -e --rm busybox x", ["busybox", "x"]),
        ])
    func passthrough(_ line: String, _ words: [String]) throws {
        let run = try parsed(line)
        let task = try TaskWords(run.image, run.command, of: "run")
        #expect([task.subject] + task.command == words)
    }

    @Test("switches take true and false, as Docker's do")
    func switches() throws {
        #expect(try parsed("run --init=false busybox").walls.`init` == false)
        #expect(try parsed("run --init=true busybox").walls.`init`)
        #expect(try parsed("run --no-init busybox").walls.`init` == false)
        #expect(try parsed("run --rm=true --read-only=false busybox").rm)
        #expect(try parsed("run --read-only=false busybox").walls.readOnly == false)
    }

    @Test("short switches may stand together, with a valued one last")
    func clusters() throws {
        let run = try parsed("run -itd busybox")
        #expect(run.process.interactive && run.process.tty && run.detach)
        #expect(try parsed("run -ith box busybox").walls.hostname == "box")
    }

    @Test("global options may stand before and after the command")
    func globals() throws {
        for line in ["--output json ps -a", "ps -a --output json", "--output=json ps -a"] {
            let ready = ArgumentLine(line.split(separator: " ").map(String.init), .runtime)
            #expect(ready.format == .json && ready.command == ["ps"])
            let command = try #require(try Bulkhead.parseAsRoot(ready.arguments) as? ListContainers)
            #expect(command.all && command.global.output == .json)
        }
        let image = ArgumentLine(["--store", "/s", "image", "ls"], .runtime)
        #expect(image.arguments == ["image", "ls", "--store", "/s"])
        #expect(ArgumentLine(["run", "busybox", "--output", "json"], .runtime).format == .table, "that is the task's")
    }

    @Test("help is found wherever it stands before the image")
    func help() {
        #expect(ArgumentLine(["run", "--rm", "--help", "x"], .runtime).arguments == ["run", "--help"])
        #expect(ArgumentLine(["run", "x", "--help"], .runtime).arguments == ["run", "x", "--help"])
    }

    @Test("an option run does not have is no image")
    func unknownOption() {
        let failure = refusal { () throws(Failure) in try TaskWords("--fly=1", ["busybox"], of: "run") }
        #expect(failure?.field == "--fly")
    }

    @Test("the split knows which of run's options stand alone", arguments: ["run", "exec"])
    func switchesAgree(_ name: String) throws {
        // Of the parser's own help: an option is shown with a <value>, a switch without.
        let type: any ParsableCommand.Type = name == "run" ? Run.self : Exec.self
        let help = Bulkhead.helpMessage(for: type, columns: 400)
        var seen = 0
        for line in help.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard line.hasPrefix("  -"), let option = words.first(where: { $0.hasPrefix("--") }) else { continue }
            let flag = option.split(separator: "/").first.map(String.init) ?? option
            let takesValue = words.contains { $0.hasPrefix("<") }
            #expect(ArgumentGrammar.runtime.switches.contains(flag) != takesValue, "\(line)")
            seen += 1
        }
        #expect(seen > 5)
    }

    @Test("every command's help has an example", arguments: ArgumentLineTests.commands)
    func examples(_ path: String) throws {
        var type: any ParsableCommand.Type = Bulkhead.self
        for name in path.split(separator: " ") {
            let below = type.configuration.subcommands + type.configuration.groupedSubcommands.flatMap(\.subcommands)
            type = try #require(below.first { $0._commandName == name })
        }
        #expect(type.configuration.discussion.contains("Example"), "bulkhead \(path)")
    }

    @Test("every command is named where it is described: the parser would work its name out at each start")
    func names() {
        var seen = 0
        func check(_ type: any ParsableCommand.Type) {
            #expect(type.configuration.commandName != nil, "\(type)")
            seen += 1
            for below in type.configuration.allSubcommands { check(below) }
        }
        check(Bulkhead.self)
        #expect(seen > 40)
    }

    @Test(
        "a command that reads its words alone is the one the whole tree reads, and refuses and helps in its words",
        arguments: [
            "exec box true", "exec -it -u 1:2 -e A=b box sh -c -x --help", "run --rm -m 64m busybox ls --version",
            "ps -a --output json", "image ls", "image rm a b", "--store /s image ls --state /r", "kill -s TERM box",
            "exec", "exec --help", "exec -h", "exec -h box true", "exec --version box true", "exec --fly box",
            "run --help", "ps --help", "ps -h", "ps x", "image", "image --help", "image ls --help", "image fly",
            "version --version", "--version", "--help", "help exec", "help image ls", "", "fly", "stop",
            "stop --time x b", "ps --experimental-dump-help", "ps --generate-completion-script", "ps help",
            "stop -- -a", "ps --",
        ])
    func alone(_ words: String) {
        let line = ArgumentLine(words.split(separator: " ").map(String.init), .runtime)
        func said(_ parse: () throws -> any ParsableCommand) -> String {
            do {
                var command = try parse()
                guard "\(type(of: command))" == "HelpCommand" else {
                    var text = ""
                    dump(command, to: &text)
                    return text
                }
                try command.run()
                return "nothing"
            } catch { return Bulkhead.fullMessage(for: error) }
        }
        let alone = said { try line.parsed(line.arguments, below: Bulkhead.self) }
        #expect(alone == said { try Bulkhead.parseAsRoot(line.arguments) })
        #expect(!alone.isEmpty)
    }

    static let commands = [
        "run", "exec", "ps", "inspect", "logs", "stop", "kill", "wait", "rm", "stats", "pause", "unpause", "update",
        "image", "image import", "image ls", "image inspect", "image mount", "image unmount", "image rm", "image prune",
        "image export", "host", "version", "failpoints",
    ]

    private func parsed(_ line: String) throws -> Run {
        let ready = ArgumentLine(line.split(separator: " ").map(String.init), .runtime)
        return try #require(try Bulkhead.parseAsRoot(ready.arguments) as? Run)
    }
}
