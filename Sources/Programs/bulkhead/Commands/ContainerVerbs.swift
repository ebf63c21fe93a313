import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

/// The containers a command is to act on, one after the other: what fails does not keep the others from being done.
struct ContainerArguments: ParsableArguments {
    @Argument(help: "Names or ids.")
    var containers: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    /// Does `body` for each and prints its name.
    func forEach(_ body: (NativeContainerizer, ContainerRecord) throws(Failure) -> Void) throws {
        try answers { containerizer, record, text throws(Failure) in
            try body(containerizer, record)
            return text
        }
    }

    /// Prints what `body` gives for each; it gets the words that named the container too.
    func answers<Answer: Encodable>(
        _ body: (NativeContainerizer, ContainerRecord, String) throws(Failure) -> Answer
    ) throws {
        let containerizer = try global.containerizer()
        var done: [Answer] = []
        var failures: [Failure] = []
        for text in containers {
            do throws(Failure) {
                let record = try containerizer.find(text)
                let answer = try body(containerizer, record, text)
                if global.output == .table { try Console.write("\(answer)\n") }
                done.append(answer)
            } catch { failures.append(error) }
        }
        if global.output == .json { try Console.write(try JSONDocument.text(done)) }
        guard var first = failures.first else { return }
        for other in failures.dropFirst() { first = first.also(other) }
        throw first
    }
}

struct Stop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ask containers to end, and kill those that do not.",
        discussion: """
            Examples:
              bulkhead stop web
              bulkhead stop -t 30 web worker
            """)

    @Option(
        name: [.customShort("t"), .customLong("time"), .customLong("timeout")], parsing: .unconditional,
        help: .init("How long a container may take before it is killed.", valueName: "seconds"))
    var time = "10"
    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        let seconds = try WholeNumber.parse(time, flag: "time", in: 0...86_400)
        try arguments.forEach { containerizer, record throws(Failure) in
            try containerizer.stop(record.request.id, seconds: Double(seconds))
        }
    }
}

struct Kill: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Send a signal to the tasks of containers.",
        discussion: """
            Examples:
              bulkhead kill web
              bulkhead kill -s HUP web
            """)

    @Option(name: .shortAndLong, parsing: .unconditional, help: "Name or number of the signal.")
    var signal = "KILL"
    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        let number = try SignalFlag.parse(signal, flag: "signal")
        try arguments.forEach { containerizer, record throws(Failure) in
            try containerizer.kill(record.request.id, signal: number)
        }
    }
}

struct Wait: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until containers have ended and print their exit codes.",
        discussion: """
            Example:
              bulkhead wait web
            """)

    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        try arguments.answers { containerizer, record, _ throws(Failure) in
            try containerizer.wait(for: record.request.id).code
        }
    }
}

struct Pause: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Freeze every process of containers.",
        discussion: """
            Example:
              bulkhead pause web
            """)

    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        try arguments.forEach { containerizer, record throws(Failure) in
            try containerizer.pause(record.request.id)
        }
    }
}

struct Unpause: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause", abstract: "Let the processes of frozen containers go on.",
        discussion: """
            Example:
              bulkhead unpause web
            """)

    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        try arguments.forEach { containerizer, record throws(Failure) in
            try containerizer.resume(record.request.id)
        }
    }
}
