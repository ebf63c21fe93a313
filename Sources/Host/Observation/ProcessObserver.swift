import Auditing
import LinuxKernel

/// One process with all its threads, /proc/PID.
struct ProcessObserver {
    static let threadsMax = 8_192

    let id: Int32
    let isInit: Bool
    /// Where the writable layer's files are on the host; nil when that is not known.
    let writableLayer: String?

    private func text(_ name: String) throws(KernelError) -> String {
        try TextFile.read("/proc/\(id)/\(name)", limit: 1 << 20)
    }

    /// Nil when it has ended meanwhile.
    func observe() throws(KernelError) -> TaskFacts? {
        do throws(KernelError) {
            let threads = try threads()
            if threads.isEmpty { return nil }
            let name = try text("comm")
            return TaskFacts(
                id: id, name: String(name.filter { !$0.isNewline && $0 != "\0" }), isInit: isInit,
                userMap: ProcessText.ranges(try text("uid_map")), groupMap: ProcessText.ranges(try text("gid_map")),
                limits: ProcessText.limits(try text("limits")),
                oomScoreAdjust: Int(try text("oom_score_adj").filter { !$0.isWhitespace }) ?? 0,
                executable: executable(threads[0].id),
                controlGroup: ProcessText.unifiedGroup(try text("cgroup")) ?? "/",
                threads: threads)
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.noProcess { return nil }
            throw error
        }
    }

    private func threads() throws(KernelError) -> [ThreadFacts] {
        let entries = try OwnedDescriptor.open(RawPath("/proc/\(id)/task"), [.directory]).entries()
        let numbers = entries.compactMap { Int32($0.name.description) }.sorted()
        guard numbers.count <= Self.threadsMax else {
            throw KernelError(
                call: "count threads: more than \(Self.threadsMax)", on: "process \(id)", errno: Errno.invalid)
        }
        var threads: [ThreadFacts] = []
        for number in numbers {
            do throws(KernelError) {
                let status = try text("task/\(number)/status")
                // A process that has ended and was not collected has no walls left to look at.
                if ProcessText.fields(status)["State"]?.begins(with: "Z") == true { continue }
                guard let thread = ProcessText.thread(
                    number, status: status, namespaces: ProcessTable.namespaces("/proc/\(id)/task/\(number)/ns"),
                    label: label(number))
                else { throw KernelError(call: "understand status", on: "thread \(number)", errno: Errno.invalid) }
                threads.append(thread)
            } catch {
                if error.errno == Errno.noEntry || error.errno == Errno.noProcess { continue }
                throw error
            }
        }
        return threads
    }

    /// AppArmor answers below its own name where several modules are active. Without any the file cannot be read.
    private func label(_ thread: Int32) -> String? {
        for name in ["apparmor/current", "current"] {
            do throws(KernelError) {
                let label = try text("task/\(thread)/attr/\(name)")
                return String(label.filter { !$0.isNewline && $0 != "\0" })
            } catch { continue }
        }
        return nil
    }

    /// By a thread that lives: the first of a process may have ended before the others, and has no memory then.
    private func executable(_ thread: Int32) -> ExecutableFacts? {
        guard let link = HostFacts.linkTarget("/proc/\(id)/task/\(thread)/exe") else { return nil }
        let suffix = " (deleted)"
        let isDeleted = link.ends(with: suffix)
        let path = isDeleted ? String(Substring(link.utf8.dropLast(suffix.utf8.count))) : link
        let isMemory = path.begins(with: "/memfd:")
        let isWritten = isMemory ? nil : writableLayer.map { HostFacts.exists($0 + path) }
        return ExecutableFacts(path, isDeleted: isDeleted, isMemory: isMemory, isWritten: isWritten)
    }
}

/// Names of variables of processes that look like secrets.
enum EnvironmentObserver {
    private static let marks = [
        "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY",
        "CREDENTIAL",
    ]
    private static let bytesMax = 8 << 20

    static func names(_ processes: [TaskFacts]) -> Observed<[String]> {
        var names: Set<String> = []
        for process in processes where !process.isInit {
            do throws(KernelError) {
                let thread = process.threads.first?.id ?? process.id
                let text = try TextFile.read("/proc/\(process.id)/task/\(thread)/environ", limit: bytesMax)
                names.formUnion(text.cut(at: "\0").compactMap(secret))
            } catch {
                if error.errno == Errno.noEntry || error.errno == Errno.noProcess { continue }
                return .hidden("/proc/\(process.id)/environ cannot be read: \(error)")
            }
        }
        return .seen(names.sorted())
    }

    /// A variable that only says where the secret is holds none.
    static func secret(_ variable: Substring) -> String? {
        guard let equals = variable.position(of: "=") else { return nil }
        let value = variable[variable.utf8.index(after: equals)...]
        let name = variable[..<equals].uppercased()
        if value.isEmpty || value.begins(with: "/") || name.ends(with: "_FILE") { return nil }
        return marks.contains(where: name.contains) ? String(variable[..<equals]) : nil
    }
}
