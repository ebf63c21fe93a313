import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a container wrote.",
        discussion: """
            Its output goes to standard output, its errors to standard error. The newest 16 to 32 MiB are kept.

            Examples:
              bulkhead logs --tail 20 web
              bulkhead logs -f --timestamps web
              bulkhead logs --since 10m web
            """)

    @Flag(name: .shortAndLong, help: "Go on until the container has ended.")
    var follow = false
    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "Only so many of the last lines.")
    var tail: String?
    @Flag(name: .shortAndLong, help: "The time before each line.")
    var timestamps = false
    @Option(parsing: .unconditional, help: "Only what is newer: 10m, 2026-01-31T09:05:00Z, or seconds since 1970.")
    var since: String?
    @Argument(help: "Name or id.")
    var container: String
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let start = try since.map { text throws(Failure) in
            try Timestamp.parse(text, flag: "since", now: HostFacts.wallClock())
        }
        var session = LogSession(
            lines: LogLines(since: start.map { UInt64(max(0, $0) * 1e9) }),
            output: LogOutput(format: global.output, timestamps: timestamps))
        var tail = try lastLines().map(LogTail.init(most:))
        let containerizer = try global.containerizer()
        let id = try containerizer.find(container).request.id
        var log = containerizer.log(id)
        // Asked first: what it says until its end is then in what is read afterwards.
        var process = try processToFollow(id, containerizer)
        try session.showKept(&log, &tail, isLast: process == nil)
        while let running = process {
            let hasEnded = try waitBriefly(running)
            try session.showNew(&log, isLast: hasEnded)
            if hasEnded { process = nil }
        }
    }

    private func lastLines() throws(Failure) -> Int? {
        guard let tail, tail != "all" else { return nil }
        return Int(try WholeNumber.parse(tail, flag: "tail", in: 0...Int64(Int32.max)))
    }

    private func processToFollow(_ id: ContainerID, _ containerizer: NativeContainerizer) throws(Failure)
        -> ProcessHandle?
    {
        guard follow, let number = try containerizer.status(of: id)?.process else { return nil }
        do throws(KernelError) { return try ProcessHandle.open(number) } catch {
            if error.errno == Errno.noProcess { return nil }
            throw error.failure("container.cannot-wait", doing: "follow the log of container", on: container)
        }
    }

    private func waitBriefly(_ process: ProcessHandle) throws(Failure) -> Bool {
        do throws(KernelError) { return try process.waitForEnd(milliseconds: 100) } catch {
            throw error.failure("container.cannot-wait", doing: "follow the log of container", on: container)
        }
    }
}

/// A log on its way from the container's files to our own streams, some of it at a time.
private struct LogSession {
    /// A container that writes faster than we read must not keep us for ever. More than is kept at once.
    private static let keptBytesMax = 64 << 20
    private static let recordOverhead = 16
    var lines: LogLines
    var output: LogOutput

    /// Shows what has been logged so far, or the last of it.
    mutating func showKept(_ log: inout ContainerLog, _ tail: inout LogTail?, isLast: Bool) throws(Failure) {
        var bytes = 0
        // A file that is begun anew while it is read gives nothing once.
        var silences = 0
        while bytes < Self.keptBytesMax, silences < 2 {
            let records = try log.next()
            silences = records.isEmpty ? silences + 1 : 0
            for record in records {
                bytes += record.bytes.count + Self.recordOverhead
                for run in lines.take(record) { try show(run, &tail) }
            }
        }
        if isLast { for run in lines.finish() { try show(run, &tail) } }
        for run in tail?.lines ?? [] { try output.show(run) }
        tail = nil
        try output.flush()
    }

    private mutating func show(_ run: LoggedLines, _ tail: inout LogTail?) throws(Failure) {
        if tail == nil { try output.show(run) } else { tail?.add(run) }
    }

    /// Shows what was logged since.
    mutating func showNew(_ log: inout ContainerLog, isLast: Bool) throws(Failure) {
        while true {
            let records = try log.next()
            if records.isEmpty { break }
            for record in records { for run in lines.take(record) { try output.show(run) } }
            try output.flush()
        }
        if isLast { for run in lines.finish() { try output.show(run) } }
        try output.flush()
    }
}
