import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import NativeContainerizer

struct RemoveContainers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove containers and everything they wrote.",
        discussion: """
            Examples:
              bulkhead rm web
              bulkhead rm --force $(bulkhead ps -aq)
            """)

    @Flag(name: .shortAndLong, help: "Kill those that run; one that does not exist is no failure.")
    var force = false
    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        let global = arguments.global
        let containerizer = try global.containerizer(sweeping: true)
        let housekeeping = Housekeeping(containerizer: containerizer, global: global)
        var removed: [String] = []
        var failures: [Failure] = []
        for text in arguments.containers {
            do throws(Failure) {
                guard let id = try identifier(text, containerizer) else {
                    // A program sees by the answer what was removed.
                    if global.output == .table {
                        Console.note("bulkhead: there is no container \(Untrusted.shown(text))")
                    }
                    continue
                }
                try containerizer.remove(id, force: force)
                try housekeeping.release(id.text)
                if global.output == .table { try Console.write(text + "\n") }
                removed.append(text)
            } catch { failures.append(error) }
        }
        if global.output == .json { try Console.write(try JSONDocument.text(removed)) }
        guard let first = failures.first else { return }
        throw failures.dropFirst().reduce(first) { $0.also($1) }
    }

    /// A container whose record is damaged can still be named, and by force removed.
    private func identifier(_ text: String, _ containerizer: NativeContainerizer) throws(Failure) -> ContainerID? {
        do throws(Failure) { return try containerizer.find(text).request.id } catch {
            if error.code == "state.damaged", force, let id = try containerizer.holder(of: text) { return id }
            if error.code == "container.not-found", force { return nil }
            throw error
        }
    }
}
