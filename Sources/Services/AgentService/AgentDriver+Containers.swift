import AgentCore
import Containers
import Diagnostics
import HTTPServing

/// Effects on containers, and what accompanies them: logs, probes, sessions and executors' doors.
extension AgentDriver {
    func recover(_ known: [ContainerLaunch]) {
        work { parts in
            do throws(Failure) { return .containersRecovered(try await parts.containerizer.recover(known)) } catch {
                return .recoveryFailed(error)
            }
        }
    }

    func keepLogs(of id: ContainerID) {
        guard let launch = core.state.containers[id]?.launch else { return }
        let parts = parts
        for file in [launch.output, launch.error].compactMap({ $0 }) {
            guard let bytesMax = file.bytesMax else { continue }
            let task = Task {
                guard await !parts.containerizer.limitsOutput(id) else { return }
                do throws(Failure) { try await parts.host.keepLog(file.path, bytesMax: bytesMax) } catch {
                    parts.logger.warning(
                        "a log cannot be kept within its limit",
                        metadata: ["container": "\(id)", "path": "\(file.path)", "cause": "\(error)"])
                }
            }
            companions[id, default: []].append(task)
        }
    }

    func signal(_ id: ContainerID, _ number: Int32) {
        let parts = parts
        Task {
            do throws(Failure) { _ = try await parts.containerizer.kill(id, signal: number) } catch {
                parts.logger.warning(
                    "a signal did not arrive", metadata: ["container": "\(id)", "cause": "\(error)"])
            }
        }
    }

    func destroy(_ id: ContainerID) {
        let door = doors.removeValue(forKey: id)
        companions.removeValue(forKey: id)?.forEach { $0.cancel() }
        work { parts in
            await door?.stop()
            do throws(Failure) { return .destroyed(id, .gone(try await parts.containerizer.destroy(id))) } catch {
                return .destroyed(id, .stuck(error))
            }
        }
    }

    func probe(_ id: Agent.ProbeID, _ order: ProbeOrder) {
        let (prober, mailbox) = (prober, mailbox)
        probes[id] = Task {
            let result = await prober.probe(order)
            if !Task.isCancelled { mailbox.tell(.event(.probed(id, result))) }
            self.ended(id)
        }
    }

    func openSession(_ call: Agent.CallID, in container: ContainerID, _ request: ExecRequest) {
        let (desk, mailbox, containerizer) = (desk, mailbox, parts.containerizer)
        Task {
            do throws(Failure) {
                let code = try await desk.sessions.run(call, in: container, request, containerizer) {
                    desk.finish(call, .answer(.done))
                }
                mailbox.tell(.event(.sessionEnded(call, code: code)))
            } catch {
                desk.finish(call, .answer(.refused(error)))
                mailbox.tell(.event(.sessionEnded(call, code: nil)))
            }
            // Its end is told before whoever listens can see it and ask.
            desk.sessions.close(call)
        }
    }

    func ended(_ probe: Agent.ProbeID) { probes[probe] = nil }

    func openDoor(_ id: ContainerID, _ key: ExecutorKey, _ port: UInt16) {
        guard let path = core.state.containers[id]?.path else { return }
        let (parts, mailbox) = (parts, mailbox)
        let router = AgentRoutes(driver: self, door: ExecutorDoor(executor: key, container: path)).doorRouter
        Task {
            do throws(Failure) {
                let socket = try await parts.containerizer.listen(id, port: port)
                let server = try await HTTPServer.start(
                    on: [.descriptor(socket)], router: router, limits: parts.limits.door, logger: parts.logger)
                await self.keep(server, for: id)
            } catch {
                mailbox.tell(.event(.executorDoorFailed(id, error)))
            }
        }
    }

    func keep(_ server: HTTPServer, for id: ContainerID) async {
        guard core.state.containers[id] != nil else { return await server.stop() }
        await doors.updateValue(server, forKey: id)?.stop()
    }
}
