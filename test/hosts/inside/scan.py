#!/usr/bin/python3
"""Which TCP ports answer a SYN with a SYN-ACK, whatever their address: frames are made by hand, so that they can say what no
socket would. `scan.py INTERFACE NEXT_HOP_MAC IPV4_SOURCE IPV6_SOURCE PORTS DESTINATION…`, ports as 1-65535 or a list with commas.
Prints JSON: a list of ports for each destination."""
import ipaddress, json, random, select, socket, struct, sys, time

interface, mac, source4, source6, spec, *destinations = sys.argv[1:]
ports = list(range(int(spec.split('-')[0]), int(spec.split('-')[1]) + 1)) if '-' in spec else [int(p) for p in spec.split(',')]
# Each destination is asked from a port of its own, by which its answers are known.
first_port = random.randrange(20000, 60000)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
wire.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
wire.bind((interface, 0))


def total(data):
    return sum(struct.unpack(f'!{len(data) // 2}H', data))


def checksum(value):
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return ~value & 0xFFFF


def header(source, destination):
    v6 = destination.version == 6
    ethernet = bytes.fromhex(mac.replace(':', '')) + wire.getsockname()[4] + struct.pack('!H', 0x86DD if v6 else 0x0800)
    if v6:
        return ethernet + struct.pack('!IHBB', 6 << 28, 20, 6, 64) + source.packed + destination.packed
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0, 64, 6, 0) + source.packed + destination.packed
    return ethernet + ip[:10] + struct.pack('!H', checksum(total(ip))) + ip[12:]


answered = {port: set() for port in range(first_port, first_port + len(destinations))}


def listen(quiet):
    """Takes answers until there have been none for so many seconds. What else is on the wire does not count."""
    end = time.monotonic() + quiet
    while select.select([wire], [], [], max(0, end - time.monotonic()))[0]:
        data = wire.recv(2048)
        start, protocol = (54, 20) if data[12:14] == b'\x86\xdd' else (34, 23)
        if len(data) >= start + 14 and data[protocol] == 6 and data[start + 13] & 0x12 == 0x12:
            sport, dport = struct.unpack('!HH', data[start:start + 4])
            if dport in answered:
                answered[dport].add(sport)
                end = time.monotonic() + quiet


for own_port, destination in zip(answered, map(ipaddress.ip_address, destinations)):
    source = ipaddress.ip_address(source6 if destination.version == 6 else source4)
    # All frames are the same but for the port and the checksum, which is a sum.
    tcp = struct.pack('!IIBBH', random.getrandbits(32), 0, 5 << 4, 2, 64240)
    before, common = header(source, destination), total(source.packed + destination.packed + tcp) + 6 + 20 + own_port
    for index, port in enumerate(ports):
        wire.send(before + struct.pack('!HH', own_port, port) + tcp + struct.pack('!HH', checksum(common + port), 0))
        if index % 64 == 63:
            listen(0)
listen(1 if len(ports) > 100 else 0.5)
print(json.dumps([sorted(found) for found in answered.values()]))
