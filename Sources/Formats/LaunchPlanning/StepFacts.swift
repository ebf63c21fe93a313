/// What a step refers to, for checks that hold whatever the step is.
extension Step {
    /// Every descriptor the step needs.
    var descriptorNames: [DescriptorName] {
        switch self {
        case .join(let name, _), .attachRoot(let name, _), .attach(let name, _, _, _), .mask(_, let name): [name]
        case .runHook(let hook): [hook.state]
        case .awaitStart(let name), .takeRoot(let name?): [name]
        case .placeDevice(let placement): [placement.root, placement.directory, placement.tree]
        case .standardStreams(let input, let output, let error): [input, output, error].compactMap { $0 }
        case .divide(let division):
            [division.exitRecord, division.outputSink, division.errorSink].compactMap { $0 } + division.logs
        default: []
        }
    }

    /// The detached mount that the step uses up.
    var movedTree: DescriptorName? {
        switch self {
        case .attachRoot(let name, _), .attach(let name, _, _, _): name
        case .placeDevice(let placement): placement.tree
        default: nil
        }
    }

    /// Whether the step mounts or makes something in the container's root.
    var changesRoot: Bool {
        switch self {
        case .mount, .attach, .sealPath, .mask, .makeDirectory, .rootAttributes, .enterRoot, .changeRoot,
            .takeRoot(nil):
            true
        default: false
        }
    }

    /// Paths that are resolved inside the container's root.
    var rootPaths: [String] {
        switch self {
        case .mount(_, let path, _, _, _), .attach(_, let path, _, _), .sealPath(let path, _, _), .mask(let path, _),
            .makeDirectory(let path, _, _, _), .workingDirectory(let path), .setPropagation(let path, _, _),
            .enterDirectory(let path), .setAttributes(let path, _, _, _), .makeLink(let path, _):
            [path]
        case .makeNode(let node): [node.path]
        case .confineWrites(let paths): paths
        default: []
        }
    }

    /// Every text that is written into the encoded plan.
    var texts: [String] {
        switch self {
        case .mount(let type, _, _, _, let options): rootPaths + [type] + options
        case .attachRoot(_, let anchor): [anchor]
        case .setHostname(let name), .setDomainname(let name), .detach(let name): [name]
        case .sysctl(let name, let value): [name, value]
        case .execute(let arguments, let environment), .findProgram(let arguments, let environment):
            arguments + environment
        case .runHook(let hook): [hook.program] + hook.arguments + hook.environment
        case .makeLink(let path, let destination): [path, destination]
        case .setLabel(let file, let value): [file, value]
        default: rootPaths
        }
    }
}
