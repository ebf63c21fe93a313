import ArgumentParser
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a container wrote.",
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
        var lines = LogLines(since: start.map { UInt64(max(0, $0) * 1e9) })
        let containerizer = try global.containerizer()
        let id = try containerizer.find(container).request.id
        var log = containerizer.log(id)
        // Asked first: what it says until its end is then in what is read afterwards.
        var process = try processToFollow(id, containerizer)
        var kept = lines.take(try log.next(), isLast: !follow || process == nil)[...]
        if let tail, tail != "all" {
            let count = try WholeNumber.parse(tail, flag: "tail", in: 0...Int64(Int32.max))
            kept = kept.suffix(Int(count))
        }
        try show(kept)
        while follow, let running = process {
            let hasEnded = try waitBriefly(running)
            try show(lines.take(try log.next(), isLast: hasEnded)[...])
            if hasEnded { process = nil }
        }
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

    private func show(_ lines: ArraySlice<LogLine>) throws(Failure) {
        if global.output == .json {
            for line in lines { try Console.write(try JSONDocument.text(LogLineDocument(line), isPretty: false)) }
            return
        }
        // Neighbours of one stream go out together: line by line would be a system call each.
        var index = lines.startIndex
        while index < lines.endIndex {
            let stream = lines[index].stream
            let end = lines[index...].firstIndex { $0.stream != stream } ?? lines.endIndex
            var bytes: [UInt8] = []
            for line in lines[index..<end] {
                if timestamps { bytes += Array((Timestamp.text(nanoseconds: line.at) + " ").utf8) }
                bytes += line.bytes
            }
            try Console.write(bytes, to: stream == .output ? 1 : 2)
            index = end
        }
    }
}

struct LogLineDocument: Encodable {
    var at: String
    var stream: String
    var text: String
    /// Bytes that were lost, in place of a text.
    var lost: UInt32?

    init(_ line: LogLine) {
        at = Timestamp.text(nanoseconds: line.at)
        stream = line.stream == .output ? "stdout" : "stderr"
        let bytes = line.bytes.last == UInt8(ascii: "\n") ? line.bytes.dropLast() : line.bytes[...]
        text = String(decoding: bytes, as: UTF8.self)
        lost = line.stream == .dropped ? line.lost : nil
    }
}
