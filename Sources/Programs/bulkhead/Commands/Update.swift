import ArgumentParser
import Containers
import Diagnostics
import NativeContainerizer

struct Update: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change the limits of running containers.",
        discussion: """
            Limits that are not named stay as they are.

            Examples:
              bulkhead update --memory 512m --cpus 1.5 web
              bulkhead update --pids -1 web
            """)

    @OptionGroup(title: "Limits") var resources: ResourceOptions
    @OptionGroup var arguments: ContainerArguments

    func run() throws {
        let machine = try ResourceOptions.Machine.current()
        // Refused before anything is looked up: a value that is wrong is wrong for every container.
        _ = try resources.limits(changing: ContainerLimits(memory: .max), on: machine)
        try arguments.forEach { containerizer, record throws(Failure) in
            let limits = try resources.limits(changing: record.request.limits, on: machine)
            try containerizer.update(record.request.id, limits: limits)
        }
    }
}
