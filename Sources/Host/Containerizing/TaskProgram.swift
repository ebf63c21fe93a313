public import Containers
public import Diagnostics
public import OCIFormat

extension ContainerLaunch.Program {
    /// The words to execute, with what the image says; by Mesos's rules, which differ from Docker's in that a task's
    /// arguments begin with the program's own name when it names the program.
    /// - Throws: `container.no-command`.
    public func words(_ image: ImageConfig) throws(Failure) -> [String] {
        let words: [String]
        switch self {
        case .hold: return []
        case .shell(let line): words = line.isEmpty ? [] : ["/bin/sh", "-c", line]
        case .execute(.some(let path), let arguments): words = path.isEmpty ? [] : [path] + arguments.dropFirst()
        case .arguments(let arguments): words = image.entrypoint + arguments
        case .execute(nil, let arguments):
            if !image.entrypoint.isEmpty {
                words = image.entrypoint + (arguments.isEmpty ? image.command : arguments)
            } else if let program = image.command.first {
                words = [program] + (arguments.isEmpty ? Array(image.command.dropFirst()) : arguments)
            } else {
                words = arguments
            }
        }
        guard let first = words.first, !first.isEmpty else {
            throw Failure(
                "container.no-command", doing: "start the container", cause: "neither the image nor the task names one",
                remedy: "name a command, or use an image that has one", field: "command.value")
        }
        return words
    }
}
