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
            ("run -- busybox -- ls", ["busybox", "--", "ls"]), ("run busybox -- a", ["busybox", "--", "a"]),
            ("run -eA=b -p80:80 busybox -eA=b --rm=1", ["busybox", "-eA=b", "--rm=1"]),
            ("run --pids -1 busybox -1", ["busybox", "-1"]),
            ("run -e --rm busybox x", ["busybox", "x"]),
        ])
    func passthrough(_ line: String, _ words: [String]) throws {
        let run = try parsed(line)
        let task = try TaskWords(run.image, run.command, of: "run")
        #expect([task.subject] + task.command == words)
    }

    @Test("a -- right after the container of exec is left out, and no other", arguments: ["", "-- "])
    func execSeparator(_ first: String) throws {
        let ready = ArgumentLine("exec \(first)web -- ls -- -l".split(separator: " ").map(String.init), .runtime)
        let exec = try #require(try Bulkhead.parseAsRoot(ready.arguments) as? Exec)
        let task = try TaskWords(exec.container, exec.command, of: "exec", isForgiving: true)
        #expect(task.subject == "web" && task.command == ["ls", "--", "-l"])
    }

    @Test("a short option may have its value attached, also behind switches and behind =")
    func attached() throws {
        let run = try parsed("run -itw/tmp -hfoo -p8080:80 -eA=b -e=C=d -lA=b -m64m -u1000 -v/a:/b -c512 busybox x")
        #expect(run.process.interactive && run.process.tty && run.process.workdir == "/tmp")
        #expect(run.walls.hostname == "foo" && run.wires.publish == ["8080:80"])
        #expect(run.process.env == ["A=b", "C=d"] && run.label == ["A=b"] && run.process.user == "1000")
        #expect(run.resources.memory == "64m" && run.resources.cpuShares == "512" && run.storage.volume == ["/a:/b"])
        #expect(run.image == "busybox" && run.command == ["x"])
        let stop = try #require(try command("stop -t1 web") as? Stop)
        let kill = try #require(try command("kill -sHUP web") as? Kill)
        #expect(stop.time == "1" && kill.signal == "HUP")
        let logs = try #require(try command("logs -fn5 web") as? Logs)
        #expect(logs.tail == "5" && logs.follow)
        let listing = try #require(try command("ps -afname=x") as? ListContainers)
        #expect(listing.all && listing.filter == ["name=x"])
        #expect(try parsed("run -e -it=1 busybox").process.env == ["-it=1"], "the value of an option stays as it is")
        let removal = try #require(try command("rm -- -f=1") as? RemoveContainers)
        #expect(removal.arguments.containers == ["-f=1"])
    }

    @Test("the grammar knows every short option that takes a value, and no other")
    func shortOptions() throws {
        func check(_ tree: CommandTree, _ name: String) {
            let known = ArgumentGrammar.runtime.shortOptions[name]
            var valued: Set<String> = []
            for argument in tree.arguments ?? [] {
                // The parser's own -h is no option of ours.
                for short in argument.names ?? []
                where short.kind == .short && (argument.kind == .option || short.name != "h") {
                    #expect(known != nil, "bulkhead \(name) -\(short.name)")
                    if argument.kind == .option { valued.insert(short.name) }
                }
            }
            #expect(valued == Set((known ?? []).map { String($0) }), "bulkhead \(name)")
            for below in tree.subcommands ?? [] {
                check(below, name.isEmpty ? below.commandName : "\(name) \(below.commandName)")
            }
        }
        check(try CommandTree(of: Bulkhead.self), "")
    }

    @Test("the words of the cluster's commands are handed on as they are")
    func foreign() {
        let words = ["task", "run", "box", "x", "--rm=true", "-d=false", "--help"]
        #expect(ArgumentLine(words, .runtime).arguments == words)
    }

    @Test("switches take true and false, as Docker's do")
    func switches() throws {
        #expect(try parsed("run -d=true --rm=1 --read-only=t busybox").detach)
        #expect(try parsed("run --rm=1 busybox").rm)
        #expect(try parsed("run -d=false --rm=0 busybox").detach == false)
        let terminal = try parsed("run -it=false busybox").process
        #expect(terminal.interactive && !terminal.tty)
        let listing = try #require(try command("ps --all=true -q=0") as? ListContainers)
        #expect(listing.all && !listing.quiet)
        #expect(throws: (any Error).self) { try parsed("run -d=perhaps busybox") }
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

    private func parsed(_ line: String) throws -> Run { try #require(try command(line) as? Run) }

    private func command(_ line: String) throws -> any ParsableCommand {
        let ready = ArgumentLine(line.split(separator: " ").map(String.init), .runtime)
        return try Bulkhead.parseAsRoot(ready.arguments)
    }
}
