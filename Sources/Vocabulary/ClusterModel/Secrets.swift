// What is shown to people never holds the bytes of a secret: they are taken out, the place stays.

extension CommandSpec {
    public var withoutSecrets: CommandSpec {
        let hasSecrets = environment.contains { variable in
            if case .secretBytes = variable.value { return true }
            return false
        }
        guard hasSecrets else { return self }
        var command = self
        for index in command.environment.indices {
            if case .secretBytes = command.environment[index].value {
                command.environment[index].value = .secretBytes([])
            }
        }
        return command
    }
}

extension ContainerSpec {
    public var withoutSecrets: ContainerSpec {
        let hasSecrets = image?.hasSecret == true || volumes.contains { $0.hasSecret }
        guard hasSecrets else { return self }
        var container = self
        if let image, image.hasSecret { container.image = image.withoutSecrets }
        for index in container.volumes.indices {
            switch container.volumes[index].source {
            case .secret(.bytes): container.volumes[index].source = .secret(.bytes([]))
            case .image(let image) where image.hasSecret: container.volumes[index].source = .image(image.withoutSecrets)
            default: break
            }
        }
        return container
    }
}

extension VolumeMount {
    fileprivate var hasSecret: Bool {
        switch source {
        case .secret(.bytes): true
        case .image(let image): image.hasSecret
        default: false
        }
    }
}

extension ContainerImage {
    fileprivate var hasSecret: Bool {
        if case .docker(_, .bytes) = source { return true }
        return false
    }

    fileprivate var withoutSecrets: ContainerImage {
        ContainerImage(.docker(name: name, config: .bytes([])), isCached: isCached)
    }
}

extension Probe {
    fileprivate var withoutSecrets: Probe {
        guard case .command(let command) = self else { return self }
        return .command(command.withoutSecrets)
    }
}

extension HealthCheck {
    public var withoutSecrets: HealthCheck {
        var check = self
        check.probe = probe.withoutSecrets
        return check
    }
}

extension CheckSpec {
    public var withoutSecrets: CheckSpec {
        var check = self
        check.probe = probe.withoutSecrets
        return check
    }
}

extension TaskRunner {
    fileprivate var withoutSecrets: TaskRunner {
        switch self {
        case .command(let command): .command(command.withoutSecrets)
        case .executor(let executor): .executor(executor.withoutSecrets)
        }
    }
}

extension TaskSpec {
    /// For whatever is written down or shown.
    public var withoutSecrets: TaskSpec {
        var spec = self
        spec.runner = runner.withoutSecrets
        spec.groupCommand = groupCommand?.withoutSecrets
        spec.container = container?.withoutSecrets
        spec.healthCheck = healthCheck?.withoutSecrets
        spec.check = check?.withoutSecrets
        return spec
    }

    /// Whether a secret of its own was given by its value and has none, as after `withoutSecrets`.
    public var lacksSecrets: Bool {
        var commands = [groupCommand].compactMap { $0 }
        if case .command(let command) = runner { commands.append(command) }
        let lacksVariable = commands.contains { command in
            command.environment.contains { $0.value == .secretBytes([]) }
        }
        return lacksVariable || (container?.volumes ?? []).contains { $0.source == .secret(.bytes([])) }
    }
}

extension ExecutorSpec {
    public var withoutSecrets: ExecutorSpec {
        var executor = self
        executor.command = command?.withoutSecrets
        executor.container = container?.withoutSecrets
        return executor
    }
}
