import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// `list`, `ps` and the document `state` prints.
enum ListCommand {
    static func document(_ id: String, _ runtime: BundleRuntime) throws(Failure) -> SpecValue {
        let (state, record) = try runtime.state(id)
        guard case .object(var members) = state.document else { return state.document }
        members["rootfs"] = .string(record?.rootPath ?? "")
        let created = record?.created ?? 0
        members["created"] = .string(
            Timestamp.text(seconds: Int64(created / 1_000_000_000), nanoseconds: UInt32(created % 1_000_000_000)))
        members["owner"] = "root"
        return .object(members)
    }

    static let list = Command(
        "list containers", usage: "",
        options: OptionTable(flags: [["quiet", "q"]], values: [["format", "f"]])
    ) { (invocation) throws(Failure) in
        try invocation.options.noWords(of: "list")
        let runtime = invocation.runtime
        guard !invocation.namesRoot || HostFacts.exists(runtime.store.root) else {
            throw Failure(
                "bundle.no-root", doing: "list the containers", on: runtime.store.root,
                cause: "there is no such directory",
                remedy: "name the --root that containers were created with", field: "root")
        }
        var values: [SpecValue] = []
        var documents: [[String: SpecValue]] = []
        for id in try runtime.store.ids() {
            // One that is being made or removed right now is not there yet or any more.
            do throws(Failure) {
                let value = try document(id, runtime)
                guard case .object(let members) = value else { continue }
                values.append(value)
                documents.append(Dictionary(uniqueKeysWithValues: members.elements.map { ($0.key, $0.value) }))
            } catch { continue }
        }
        let format = invocation.options.value("format") ?? "table"
        if invocation.options.has("quiet") {
            try Output.write(documents.map { text($0["id"]) + "\n" }.joined())
        } else if format == "json" {
            try Output.write(Untrusted.inJSON(SpecValue.array(values).text) + "\n")
        } else if format == "table" {
            try Output.write(table(documents))
        } else {
            throw Failure("usage", doing: "use the format", on: format, cause: "there are table and json")
        }
        return 0
    }

    private static func text(_ value: SpecValue?) -> String {
        switch value {
        case .string(let text), .number(let text): text
        default: ""
        }
    }

    private static func table(_ documents: [[String: SpecValue]]) -> String {
        let columns = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
        let rows = [columns] + documents.map { document in
            // A bundle's path is whatever whoever made the container called it.
            columns.map { Untrusted.shown(text(document[$0.lowercased()])) }
        }
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == columns.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + 3)
            }.joined() + "\n"
        }.joined()
    }

    static let ps = Command(
        "list the processes of a container", usage: "ID [ps options]",
        options: OptionTable(values: [["format", "f"]]), wordsBeforeRest: 1
    ) { (invocation) throws(Failure) in
        guard let id = invocation.options.words.first else {
            throw Failure("usage", doing: "use ps", cause: "it takes a container id")
        }
        // None at all when it has stopped, unless some without a pid namespace of their own outlive the first one.
        let record = try invocation.runtime.required(id)
        let processes = try invocation.runtime.groups(record).processes()
        let format = invocation.options.value("format") ?? "table"
        if format == "json" {
            try Output.write(SpecValue.array(processes.map { .number($0) }).text + "\n")
        } else if format == "table" {
            try Output.write(try ProcessTable.text(processes, Array(invocation.options.words.dropFirst())))
        } else {
            throw Failure("usage", doing: "use the format", on: format, cause: "there are table and json")
        }
        return 0
    }
}

/// The lines of ps(1) that are about some processes.
enum ProcessTable {
    static func text(_ processes: [Int32], _ arguments: [String]) throws(Failure) -> String {
        let output: String
        do throws(KernelError) {
            let (read, write) = try OwnedDescriptor.pipe()
            let program = ["/usr/bin/ps", "/bin/ps"].first(where: HostFacts.exists) ?? "/usr/bin/ps"
            let tool = try ToolProcess.start(
                program, arguments.isEmpty ? ["-ef"] : arguments, environment: ProcessEnvironment.all(),
                descriptors: [nil, consume write, try OwnedDescriptor.standardStream(2)])
            output = String(decoding: try read.readAll(limit: 64 << 20), as: UTF8.self)
            _ = try tool.reap()
        } catch { throw error.failure("ps", doing: "list processes", remedy: "install ps (procps)") }
        let lines = output.cut(at: "\n")
        guard let header = lines.first,
            let column = header.cut(at: " ").firstIndex(of: "PID")
        else { throw Failure("ps", doing: "list processes", cause: "ps printed no PID column") }
        let wanted = Set(processes)
        let kept = lines.dropFirst().filter { line in
            let words = line.cut(at: " ")
            return words.indices.contains(column) && Int32(words[column]).map(wanted.contains) == true
        }
        // Processes choose their names and arguments.
        return ([header] + kept).map { Untrusted.shown(String($0)) }.joined(separator: "\n") + "\n"
    }
}
