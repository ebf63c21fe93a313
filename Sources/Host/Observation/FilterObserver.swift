import Auditing
import Crypto
import Diagnostics
import LinuxKernel
import SeccompFormat

/// Reads back the filters of threads and asks them about every call.
struct FilterObserver {
    /// More threads than these are not stopped one by one; the rule then answers unknown.
    static let threadsMax = 512
    /// Numbers asked of each ABI: twice as many as Linux has.
    static let numbers: Range<UInt32> = 0..<1_024

    /// What was planned for tasks and for init; nil when nobody planned.
    var planned: [UInt8]?
    var plannedForInit: [UInt8]?

    func observe(_ processes: [TaskFacts]) -> Observed<[FilterFacts]> {
        let threads = processes.flatMap { process in
            process.threads.filter { $0.seccompMode == 2 }.map { (id: $0.id, isInit: process.isInit) }
        }
        guard threads.count <= Self.threadsMax else {
            return .hidden("it has \(threads.count) threads, more than \(Self.threadsMax)")
        }
        var groups: [[[UInt8]]: (threads: [Int32], isInit: Bool)] = [:]
        for thread in threads {
            do throws(KernelError) {
                let programs = try FilterReadback.programs(of: thread.id)
                groups[programs, default: ([], thread.isInit)].threads.append(thread.id)
            } catch {
                if error.errno == Errno.noProcess { continue }
                return .hidden("the filter of thread \(thread.id) cannot be read: \(error)")
            }
        }
        var result: [FilterFacts] = []
        for (programs, group) in groups.sorted(by: { $0.value.threads.min() ?? 0 < $1.value.threads.min() ?? 0 }) {
            do throws(Failure) {
                result.append(try facts(programs, group.threads.sorted(), isInit: group.isInit))
            } catch {
                return .hidden("the filter of thread \(group.threads.first ?? 0) cannot be judged: \(error)")
            }
        }
        return .seen(result)
    }

    private static let abis: [(name: String, architecture: FilterArchitecture)] =
        FilterArchitecture.native == .amd64
        ? [("native", .amd64), ("i386", .x86), ("x32", .x32)] : [("native", .arm64), ("arm", .arm)]

    private func facts(_ programs: [[UInt8]], _ threads: [Int32], isInit: Bool) throws(Failure) -> FilterFacts {
        let filters = programs.compactMap(FilterInstruction.decode)
        let plan = (isInit ? plannedForInit : planned).flatMap(FilterInstruction.decode)
        var allowed: [String: Int] = [:]
        var differences: [String] = []
        var handed: [String] = []
        var compared = 0
        // The kernel gives back the very bytes it was given, so usually there is nothing to compare call by call. A
        // program may have put filters of its own above it: they take away, and cannot give what ours refuses.
        let isEqual = plan.map(filters.contains) ?? true
        for abi in Self.abis {
            for number in Self.numbers {
                let answers = try answers(filters, abi.architecture, number)
                if answers.allSatisfy({ !$0.isDisjoint(with: [.allow, .log]) }) { allowed[abi.name, default: 0] += 1 }
                if answers.contains(where: { $0.contains(.notify) }) { handed.append("\(abi.name) call \(number)") }
                compared += 1
                guard !isEqual, let plan else { continue }
                let wanted = try self.answers([plan], abi.architecture, number)
                if wanted != answers {
                    differences.append("\(abi.name) call \(number): \(text(answers)), planned \(text(wanted))")
                }
            }
        }
        return FilterFacts(
            threads: threads, isInit: isInit, programs: programs.map(Self.hash),
            instructions: filters.map(\.count), dangerous: isInit ? [] : try dangerous(filters), allowed: allowed,
            differences: plan == nil ? nil : differences, compared: compared,
            handed: handed)
    }

    private func answers(
        _ filters: [[FilterInstruction]], _ architecture: FilterArchitecture, _ number: UInt32
    ) throws(Failure) -> [Set<FilterAction>] {
        let number = architecture == .x32 ? number | FilterArchitecture.x32Bit : number
        var result: [Set<FilterAction>] = []
        for filter in filters {
            result.append(
                try FilterReach.actions(filter, architecture: architecture.auditArchitecture, number: number))
        }
        return result
    }

    private func text(_ answers: [Set<FilterAction>]) -> String {
        answers.map { $0.map(\.description).sorted().joined(separator: " or ") }.joined(separator: "; ")
    }

    private func dangerous(_ filters: [[FilterInstruction]]) throws(Failure) -> [String] {
        var names: [String] = []
        for (name, number) in DangerousCalls.numbers(on: .native) {
            let answers = try answers(filters, .native, number)
            if answers.allSatisfy({ $0.isSubset(of: [.allow, .log]) }) { names.append(name) }
        }
        return names
    }

    static func hash(_ program: [UInt8]) -> String {
        SHA256.hash(data: program).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Calls that reach what escapes are made of, and that no ordinary program in a container makes.
enum DangerousCalls {
    /// Sorted by name.
    static func numbers(on architecture: FilterArchitecture) -> [(name: String, number: UInt32)] {
        (architecture == .arm64 ? arm64 : amd64).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Since Linux 5.1 a new call has one number everywhere.
    private static let common: [String: UInt32] = [
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "mount_setattr": 442,
        "io_uring_setup": 425,
    ]
    private static let amd64: [String: UInt32] = common.merging([
        "acct": 163, "add_key": 248, "bpf": 321, "clock_settime": 227, "delete_module": 176, "finit_module": 313,
        "init_module": 175, "ioperm": 173, "iopl": 172, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250,
        "mount": 165, "open_by_handle_at": 304, "perf_event_open": 298, "pivot_root": 155, "quotactl": 179,
        "reboot": 169, "request_key": 249, "setns": 308, "settimeofday": 164, "swapoff": 168, "swapon": 167,
        "syslog": 103, "umount2": 166, "userfaultfd": 323,
    ]) { first, _ in first }
    private static let arm64: [String: UInt32] = common.merging([
        "acct": 89, "add_key": 217, "bpf": 280, "clock_settime": 112, "delete_module": 106, "finit_module": 273,
        "init_module": 105, "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "mount": 40,
        "open_by_handle_at": 265, "perf_event_open": 241, "pivot_root": 41, "quotactl": 60, "reboot": 142,
        "request_key": 218, "setns": 268, "settimeofday": 170, "swapoff": 225, "swapon": 224, "syslog": 116,
        "umount2": 39, "userfaultfd": 282,
    ]) { first, _ in first }
}
