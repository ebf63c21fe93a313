import Bundles
import Diagnostics
import LinuxKernel

/// --preserve-fds, and what a service manager announced to us (LISTEN_FDS, sd_listen_fds(3)).
///
/// Callers that do not know how many there are ask for more than they left open: as with crun those are handed on that
/// are open, and nothing is where nothing was.
enum PreservedDescriptors {
    /// More than a launch has room for, which is then said.
    private static let searched = 1_024

    static func add(
        _ options: Options, to bundle: inout BundleOptions, note: (String) -> Void
    ) throws(Failure) {
        let asked = try options.number("preserve-fds", as: Int.self) ?? 0
        let listening = ProcessEnvironment.value("LISTEN_FDS").flatMap { Int($0) } ?? 0
        guard asked >= 0, listening >= 0 else {
            throw Failure(
                "usage", doing: "preserve descriptors", cause: "their number is less than 0", field: "preserve-fds")
        }
        let sum = asked.addingReportingOverflow(listening)
        let wanted = sum.overflow ? .max : sum.partialValue
        let isOpen = (3..<(3 + min(wanted, searched))).map { isLeftOpen($0) }
        let count = isOpen.lastIndex(of: true).map { $0 + 1 } ?? 0
        bundle.gaps = Set(isOpen.indices.prefix(count).filter { !isOpen[$0] }.map { $0 + 3 })
        bundle.listening = listening
        bundle.preserved = count
        let open = count - bundle.gaps.count
        if open < wanted {
            note("of the \(wanted) descriptors to preserve the caller left \(open) open; no other one is handed on")
        }
    }

    /// Every one of ours closes at exec, and nothing that came through exec does.
    private static func isLeftOpen(_ number: Int) -> Bool {
        do throws(KernelError) { _ = try OwnedDescriptor.inherited(Int32(number)) } catch { return false }
        return true
    }
}
