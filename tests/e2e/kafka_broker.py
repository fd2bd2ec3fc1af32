"""A real single-node Kafka (KRaft) for end-to-end tests, from the jars that `./x setup` installs."""

import os
import shutil
import socket
import subprocess
import time

import kit

PROPERTIES = kit.ROOT / "tests" / "kit" / "kafka" / "server.properties"
CLUSTER_ID = "cm9uZG8tdGVzdHMtMDAwMQ"  # 16 bytes in base64, as Kafka's tools make.
START_SECONDS = 60


def jars():
    """The folder of Kafka's jars."""
    folder = os.environ.get("RONDO_KAFKA_LIB", str(kit.ROOT / "build" / "kafka"))
    if not os.path.isdir(folder) or not os.listdir(folder):
        if os.environ.get("CI") == "true":
            raise kit.Failed(f"no jars of Kafka in {folder}, and CI=true")
        raise kit.Skipped(f"no jars of Kafka in {folder}: ./x setup installs them")
    return os.path.abspath(folder)


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Broker:
    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.jars = jars()
        self.port, self.controller_port = free_ports(2)
        self.properties = folder / "server.properties"
        text = PROPERTIES.read_text()
        for name, value in (("@PORT@", self.port), ("@CONTROLLER_PORT@", self.controller_port),
                            ("@DATA@", folder / "data")):
            text = text.replace(name, str(value))
        self.properties.write_text(text)
        self.process = None
        self.format()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def java(self, *arguments):
        return ["java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self.jars}/*", *arguments]

    def format(self):
        """An empty broker."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                                 str(self.properties)), check=True, capture_output=True)

    def start(self):
        with open(self.folder / "kafka.log", "ab") as log:
            self.process = subprocess.Popen(self.java("kafka.Kafka", str(self.properties)),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise kit.Failed(f"Kafka does not start: {self.folder / 'kafka.log'}") from None
                time.sleep(0.05)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
