import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// What a container uses, once or again and again until it has ended.
enum EventsCommand {
    static let command = Command(
        "print what a container uses", usage: "ID",
        options: OptionTable(flags: [["stats"]], values: [["interval"]])
    ) { (invocation) throws(Failure) in
        let id = try invocation.options.word("container id", of: "events")
        let milliseconds = try interval(invocation.options)
        let record = try invocation.runtime.required(id)
        guard let process = try invocation.runtime.process(record) else {
            throw Failure("bundle.not-running", doing: "watch the container", on: id, cause: "container is not running")
        }
        let groups = try invocation.runtime.groups(record)
        var known = groups.endedForMemory()
        while true {
            let document: SpecValue = ["type": "stats", "id": .string(id), "data": groups.usage()]
            try Output.write(document.text + "\n")
            if invocation.options.has("stats") { return 0 }
            var rest = milliseconds
            while rest > 0 {
                let hasEnded = try wait(for: process, min(rest, lookEvery))
                let now = groups.endedForMemory()
                for _ in min(known, now)..<now { try Output.write(#"{"type":"oom","id":"\#(id)"}"# + "\n") }
                known = max(known, now)
                if hasEnded { return 0 }
                rest -= lookEvery
            }
        }
    }

    /// Milliseconds between two looks at what the kernel counts.
    private static let lookEvery: Int32 = 100

    private static func wait(for process: ProcessHandle, _ milliseconds: Int32) throws(Failure) -> Bool {
        do throws(KernelError) { return try process.waitForEnd(milliseconds: milliseconds) } catch {
            throw error.failure("events", doing: "wait for the container")
        }
    }

    private static let units: [(name: String, milliseconds: Double)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("", 1_000),
    ]

    /// `5`, `5s`, `100ms`, `1.5m`: milliseconds of it.
    private static func interval(_ options: Options) throws(Failure) -> Int32 {
        guard let text = options.value("interval") else { return 5_000 }
        let unit = units.first { text.ends(with: $0.name) }
        guard let unit, let number = Double(text.dropLast(unit.name.count)), number > 0, number <= 1e6 else {
            throw Failure(
                "usage", doing: "use --interval \(Untrusted.shown(text))", cause: "it is no time",
                remedy: "give seconds, or a number and ms, s, m or h", field: "interval")
        }
        return max(1, Int32(clamping: Int64(number * unit.milliseconds)))
    }
}
