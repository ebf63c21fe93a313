import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel
import SeccompFormat

struct SeccompShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Read the filter a process really has back from the kernel.",
        discussion: """
            Each filter is shown instruction by instruction; of a container, that of its task, and whether it is the \
            one its request asks for. The process is stopped for a moment.

            Examples:
              bulkhead audit seccomp show web
              bulkhead audit seccomp show 4711
            """)

    @OptionGroup(title: "Places") var places: PlaceOptions
    @Argument(help: "A container, or a process's id on this host.") var subject: String

    func run() throws {
        let process = try Int32(subject) ?? task(of: subject)
        let filters: [[UInt8]]
        do throws(KernelError) { filters = try FilterReadback.programs(of: process) } catch {
            throw error.failure(
                "audit.unobserved", doing: "read the system call filter", on: "process \(process)",
                remedy: "run it as root in the host's own namespaces, on a process that nobody traces")
        }
        var text = "process \(process): \(filters.count) filter\(filters.count == 1 ? "" : "s")"
        if Int32(subject) == nil {
            let planned = try SeccompChoice(subject, places).program
            let isAsPlanned = planned.isEmpty ? filters.isEmpty : filters.first == planned
            text += isAsPlanned ? ", as its request asks for" : ", NOT what its request asks for"
        }
        text += "\n"
        for (index, filter) in filters.enumerated() {
            let instructions = FilterInstruction.decode(filter) ?? []
            text += "\nfilter \(index) of \(instructions.count) instructions\n"
            for (position, instruction) in instructions.enumerated() {
                text += "\(position)\t\(instruction.text(at: position))\n"
            }
        }
        try Console.write(text)
    }

    /// Init has a filter of its own; the task is its child.
    private func task(of container: String) throws(Failure) -> Int32 {
        let containerizer = try places.containerizer()
        let record = try containerizer.find(container)
        guard let process = try containerizer.status(of: record.request.id)?.process else {
            throw Failure(
                "container.not-running", doing: "read the system call filter", on: container, cause: "it does not run")
        }
        if !record.request.isolation.hasInit { return process }
        do throws(KernelError) {
            let children = try TextFile.read("/proc/\(process)/task/\(process)/children")
            if let first = children.cut(at: " ").first.flatMap({ Int32($0) }) { return first }
        } catch {
            throw error.failure("audit.unobserved", doing: "find the task of container", on: container)
        }
        throw Failure(
            "audit.unobserved", doing: "find the task of container", on: container, cause: "init has no child")
    }
}
