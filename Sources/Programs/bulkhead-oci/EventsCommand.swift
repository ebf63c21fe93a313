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
        let seconds = try interval(invocation.options)
        let record = try invocation.runtime.required(id)
        guard let process = try invocation.runtime.process(record) else {
            throw Failure("bundle.not-running", doing: "watch the container", on: id, cause: "container is not running")
        }
        let groups = try invocation.runtime.groups(record)
        while true {
            let document: SpecValue = ["type": "stats", "id": .string(id), "data": groups.usage()]
            try Output.write(document.text + "\n")
            if invocation.options.has("stats") { return 0 }
            do throws(KernelError) {
                if try process.waitForEnd(milliseconds: Int32(clamping: seconds * 1_000)) { return 0 }
            } catch { throw error.failure("events", doing: "wait for the container") }
        }
    }

    private static func interval(_ options: Options) throws(Failure) -> Int {
        guard let text = options.value("interval") else { return 5 }
        guard let seconds = Int(text.hasSuffix("s") ? String(text.dropLast()) : text), seconds > 0 else {
            throw Failure(
                "usage", doing: "use --interval \(Untrusted.shown(text))", cause: "it is no number of seconds")
        }
        return seconds
    }
}
