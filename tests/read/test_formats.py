"""Every format on lines as its system writes them: name, time, level, message, fields."""

# ruff: noqa: E501, ISC004 - long lines of logs, in parts

import json
from datetime import UTC, datetime

import pytest

from amiss.errors import UsageError
from amiss.read.formats import FORMATS, get_format
from amiss.read.recognition import recognise
from amiss.read.records import RecordReader
from amiss.types import NO_TIME

JAVA, API = "org.apache.hadoop.mapreduce.v2.app.MRAppMaster", "nova.osapi_compute.wsgi.server"
REQUEST = "req-38101a0b-2096-447d-96ea-a692162415ae"

# name, a line, its time, its level, its message without digits, some fields
LINES = [
    (
        "vhost", 'www.example.com 10.0.0.7 - - [06/May/2024:10:00:00 +0200] "GET /a HTTP/1.1" 200 5 '
        '"-" "curl/8"',
        "2024-05-06T08:00:00", "", "GET /a HTTP/0.0",
        {"vhost": "www.example.com", "client": "10.0.0.7", "status": "200", "agent": "curl/8"},
    ), (
        "s3", "79a59d amzn-bucket [06/May/2024:10:00:00 +0000] 10.0.0.7 - 3E57427F3 "
        'REST.GET.OBJECT a/b.png "GET /a/b.png HTTP/1.1" 404 NoSuchKey 297 - 38 - "-" "S3/0.4" -',
        "2024-05-06T10:00:00", "", "GET /a/b.png HTTP/0.0",
        {"client": "10.0.0.7", "operation": "REST.GET.OBJECT", "error": "NoSuchKey"},
    ), (
        "elb", "https 2024-05-06T10:00:00.123456Z app/lb/50dc 10.0.0.7:2817 10.0.0.1:80 0.086 0.048 "
        '0.037 200 200 0 57 "GET https://x.example:443/a HTTP/1.1" "curl/8" ECDHE TLSv1.2 arn "-"',
        "2024-05-06T10:00:00.123", "", "GET https://x.example:0/a HTTP/0.0",
        {"client": "10.0.0.7", "status": "200", "bytes": "57", "path": "https://x.example:443/a"},
    ), (
        "elb", "2024-05-06T10:00:00.123456Z lb 10.0.0.7:2817 10.0.0.1:80 0.07 0.01 0.05 200 200 0 29 "
        '"GET http://x.example:80/ HTTP/1.1" "curl/8" - -',
        "2024-05-06T10:00:00.123", "", "GET http://x.example:0/ HTTP/0.0", {"client": "10.0.0.7"},
    ), (
        "envoy", '[2024-05-06T10:00:00.123Z] "POST /a HTTP/2" 503 UH 0 19 4 - "-" "grpc/1" "9d5b" '
        '"shop:80" "-"',
        "2024-05-06T10:00:00.123", "", "POST /a HTTP/0",
        {"flags": "UH", "request": "9d5b", "upstream": None},
    ), (
        "envoy", '[2024-05-06T10:00:00.123Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 295 6 5 '
        '"10.0.0.7" "curl/8" "9d5b" "shop:80" "10.1.0.4:80" inbound|80|| 10.1.0.4:5 - default',
        "2024-05-06T10:00:00.123", "", "GET /a HTTP/0.0", {"forwarded_for": "10.0.0.7"},
    ), (
        "haproxy", "May  6 10:00:01 lb haproxy[14389]: 10.0.1.2:33317 [06/May/2024:10:00:00.655] in "
        'static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /a HTTP/1.1"',
        "2024-05-06T10:00:00.655", "", "GET /a HTTP/0.0",
        {"client": "10.0.1.2", "backend": "static", "server": "srv1", "termination": "----"},
    ), (
        "squid", "1714989600.123    374 10.0.0.7 TCP_MISS/200 1234 GET http://x.example/a - "
        "HIER_DIRECT/93.184.216.34 text/html",
        "2024-05-06T10:00:00.123", "", "GET http://x.example/a",
        {"client": "10.0.0.7", "result": "TCP_MISS", "status": "200"},
    ), (
        "gin", '[GIN] 2024/05/06 - 10:00:00 | 404 |     1.2345ms |        10.0.0.7 | GET      "/a"',
        "2024-05-06T10:00:00", "", 'GET      "/a"',
        {"client": "10.0.0.7", "status": "404", "path": "/a", "method": "GET"},
    ), (
        "uwsgi", "[pid: 10|app: 0|req: 1/2] 10.0.0.7 () {40 vars in 650 bytes} [Mon May  6 10:00:00 "
        "2024] GET /a => generated 12 bytes in 3 msecs (HTTP/1.1 200) 4 headers in 126 bytes",
        "2024-05-06T10:00:00", "", "GET /a", {"client": "10.0.0.7", "status": "200", "path": "/a"},
    ), (
        "request", '[06/May/2024:10:00:00 +0000] 10.0.0.7 "GET /a HTTP/1.1" 200 512 0.003',
        "2024-05-06T10:00:00", "", "GET /a HTTP/0.0", {"client": "10.0.0.7", "bytes": "512"},
    ), (
        "spring", "2024-05-06T10:00:00.123+02:00  INFO 7 --- [shop] [nio-8080-exec-1] [66a1-b2] "
        "c.e.Orders : sent 3",
        "2024-05-06T08:00:00.123", "INFO", "sent 0", {"trace": "66a1-b2", "component": "c.e.Orders"},
    ), (
        "log4j", "2024-05-06 10:00:00,123 [5] WARN  Shop.Orders [(null)] - slow 3",
        "2024-05-06T10:00:00.123", "WARN", "slow 0", {"thread": "5", "component": "Shop.Orders"},
    ), (
        "wildfly", "2024-05-06 10:00:00,123 INFO  [org.jboss.as] (Controller Boot Thread) JFAS5: up",
        "2024-05-06T10:00:00.123", "INFO", "JFAS0: up", {"thread": "Controller Boot Thread"},
    ), (
        "weblogic", "####<May 6, 2024 10:00:00,123 AM UTC> <Notice> <Security> <host1> <Admin> "
        "<[ACTIVE] Thread: '3'> <<WLS Kernel>> <> <> <1714989600123> <BEA-090905> <Loading 7.>",
        "2024-05-06T10:00:00.123", "Notice", "Loading 0.",
        {"component": "Security", "host": "host1", "code": "BEA-090905"},
    ), (
        "minecraft", "[06May2024 10:00:00.123] [Server thread/WARN] [net.x.Mod/FORGE]: 3 mods",
        "2024-05-06T10:00:00.123", "WARN", "0 mods", {"thread": "Server thread"},
    ), (
        "syslog_weekday", "Mon 2024-05-06 10:00:00 UTC web01 systemd[1]: Started Session 5.",
        "2024-05-06T10:00:00", "", "Started Session 0.", {"host": "web01", "pid": "1"},
    ), (
        "syslog_epoch", "1714989600.123456 web01 systemd[1]: Started Session 5.",
        "2024-05-06T10:00:00.123", "", "Started Session 0.", {"host": "web01", "tag": "systemd"},
    ), (
        "syslog_iso", "2024-05-06 10:00:00+02 MBP softwareupdated[302]: done 5",
        "2024-05-06T08:00:00", "", "done 0", {"host": "MBP", "tag": "softwareupdated"},
    ), (
        "cisco", "<166>May 06 2024 10:00:00 fw1 : %ASA-6-302014: Teardown TCP connection 5",
        "2024-05-06T10:00:00", "info", "0: Teardown TCP connection 0", {"facility": "ASA"},
    ), (
        "macos", "2024-05-06 10:00:00.123456+0200 0x4d3      Error       0x0   115  0    "
        "locationd: [com.apple.x] bad 5",
        "2024-05-06T08:00:00.123", "Error", "[com.apple.x] bad 0", {"pid": "115"},
    ), (
        "postgres_rds", "2024-05-06 10:00:00 UTC:10.0.0.7(51234):app@shop:[77]:ERROR:  no 5",
        "2024-05-06T10:00:00", "ERROR", "no 0", {"client": "10.0.0.7", "pid": "77", "user": "app"},
    ), (
        "postgres_csv", '2024-05-06 10:00:00.123 UTC,"app","shop",77,"10.0.0.7:51234",6638.4d,3,'
        '"SELECT",2024-05-06 09:59:00 UTC,3/4,0,ERROR,42P01,"no ""x"" 5",,,,,,,,,"psql"',
        "2024-05-06T10:00:00.123", "ERROR", 'no ""x"" 0', {"session": "6638.4d", "code": "42P01"},
    ), (
        "mongodb", "2024-05-06T10:00:00.123+0000 I NETWORK  [conn12] end connection 5",
        "2024-05-06T10:00:00.123", "I", "end connection 0", {"context": "conn12"},
    ), (
        "bind", "06-May-2024 10:00:00.123 queries: info: client @0x7f1 10.0.0.7#4242 (a.example): "
        "query: a.example IN A +E(0)",
        "2024-05-06T10:00:00.123", "info", "query: a.example IN A +E(0)", {"client": "10.0.0.7"},
    ), (
        "fail2ban", "2024-05-06 10:00:00,123 fail2ban.actions        [812]: NOTICE  [sshd] Ban 5",
        "2024-05-06T10:00:00.123", "NOTICE", "[sshd] Ban 0", {"component": "fail2ban.actions"},
    ), (
        "monolog", '[2024-05-06T10:00:00.123456+00:00] shop.ERROR: no 5 {"id":7} []',
        "2024-05-06T10:00:00.123", "ERROR", 'no 0 {"id":0} []', {"component": "shop"},
    ), (
        "celery", "[2024-05-06 10:00:00,123: INFO/ForkPoolWorker-2] Task x[5] received",
        "2024-05-06T10:00:00.123", "INFO", "Task x[0] received", {"process": "ForkPoolWorker-2"},
    ), (
        "mysql_general", "2024-05-06T10:00:00.123456Z\t   12 Query\tSELECT 5",
        "2024-05-06T10:00:00.123", "", "Query\tSELECT 0", {"thread": "12"},
    ), (
        "heroku", "2024-05-06T10:00:00.123456+00:00 app[web.2]: Rendered 5",
        "2024-05-06T10:00:00.123", "", "Rendered 0", {"source": "app", "dyno": "web.2"},
    ), (
        "time_context_level", "2024-05-06 10:00:00.123+0000 [id=33]\tWARN\tj.m.Slave#run: slow 5",
        "2024-05-06T10:00:00.123", "WARN", "j.m.Slave#run: slow 0", {"context": "[id=33]"},
    ), (
        "time_context_level", "[2024-05-06T10:00:00.123+0000] {task.py:15} ERROR - failed 5",
        "2024-05-06T10:00:00.123", "ERROR", "failed 0", {"context": "{task.py:15}"},
    ), (
        "time_context_level", "2024-05-06 10:00:00,123 | worker-1 | INFO | ok 5",
        "2024-05-06T10:00:00.123", "INFO", "ok 0", {"context": "worker-1 |"},
    ), (
        "level_epoch", "[WARN] [1714989600.123456789] [talker]: slow 5",
        "2024-05-06T10:00:00.123", "WARN", "[talker]: slow 0", {},
    ), (
        "source_time", "web-7d9f-x2k3 app 2024-05-06T10:00:00Z INFO ok 5",
        "2024-05-06T10:00:00", "INFO", "ok 0", {"source": "web-7d9f-x2k3 app"},
    ), (
        "source_time", "0|api      | 2024-05-06T10:00:00: ok 5", "2024-05-06T10:00:00", "", "ok 0",
        {"source": "0|api"},
    ), (
        "epoch_level", "1.7149896001230e+09\tinfo\tstarted 5", "2024-05-06T10:00:00.123", "info",
        "started 0", {},
    ), (
        "time_level", "2024 May  6 10:00:00 up 5", "2024-05-06T10:00:00", "", "up 0", {},
    ), (
        "time_level", "05/06/2024 10:00:00;Q;12.srv;queue=x", "2024-05-06T10:00:00", "",
        "Q;0.srv;queue=x", {},
    ), (
        "time_level", "[06-May-2024 10:00:00 UTC] PHP Warning:  bad 5", "2024-05-06T10:00:00", "",
        "PHP Warning:  bad 0", {},
    ), (
        "time_level", "2024-05-06T10:00:00Z INFO app: ok 5", "2024-05-06T10:00:00", "INFO",
        "app: ok 0", {},
    ), (
        "time_level", "05/06/2024 01:02:03 PM - ERROR - bad 5", "2024-05-06T13:02:03", "ERROR",
        "bad 0", {},
    ), (
        "hdfs", "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block",
        "2008-11-09T20:36:15", "INFO", "PacketResponder 0 for block", {"pid": "148"},
    ), (
        "hadoop", f"2015-10-18 18:01:47,978 INFO [IPC Server #0] {JAVA}: Created 20",
        "2015-10-18T18:01:47.978", "INFO", "Created 0",
        {"thread": "IPC Server #0", "component": JAVA},
    ), (
        "zookeeper", "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:"
        "FastLeaderElection@774] - Notification time out: 3200",
        "2015-07-29T17:41:44.747", "INFO", "Notification time out: 0",
        {"component": "FastLeaderElection", "id": "774"},
    ), (
        "spring", "2023-02-24 11:13:44.123  WARN 12552 --- [           main] o.s.b.Boot   : slow 3",
        "2023-02-24T11:13:44.123", "WARN", "slow 0", {"pid": "12552", "thread": "main"},
    ), (
        "log4j", "2015-10-18 18:01:47,978 [main] DEBUG com.example.Foo - ready 7",
        "2015-10-18T18:01:47.978", "DEBUG", "ready 0", {"component": "com.example.Foo"},
    ), (
        "elasticsearch", "[2021-03-04T05:06:07,089][INFO ][o.e.n.Node           ] [node-1] up 1",
        "2021-03-04T05:06:07.089", "INFO", "up 0", {"node": "node-1", "component": "o.e.n.Node"},
    ), (
        "kafka", "[2021-03-04 05:06:07,089] INFO Shutdown completed 5 (kafka.log.LogCleaner)",
        "2021-03-04T05:06:07.089", "INFO", "Shutdown completed 0",
        {"component": "kafka.log.LogCleaner"},
    ), (
        "cassandra", "INFO  [main] 2021-03-04 05:06:07,089 CassandraDaemon.java:507 - Hostname: a1",
        "2021-03-04T05:06:07.089", "INFO", "Hostname: a0", {"thread": "main"},
    ), (
        "spark", "17/06/09 20:10:40 INFO storage.MemoryStore: Block rdd_42_22 stored",
        "2017-06-09T20:10:40", "INFO", "Block rdd_0_0 stored", {"component": "storage.MemoryStore"},
    ), (
        "tomcat", "18-Oct-2015 18:01:47.978 INFO [main] org.apache.catalina.startup.Catalina.start "
        "Server startup in 7 ms",
        "2015-10-18T18:01:47.978", "INFO", "Server startup in 0 ms", {"thread": "main"},
    ), (
        "bgl", "KERNDTLB 1118543583 2005.06.11 R30-M0-N9-C:J16-U01 2005-06-11-19.33.03.793426 "
        "R30-M0-N9-C:J16-U01 RAS KERNEL FATAL data TLB error interrupt",
        "2005-06-12T02:33:03", "FATAL", "data TLB error interrupt",
        {"label": "KERNDTLB", "node": "R30-M0-N9-C:J16-U01", "component": "KERNEL"},
    ), (
        "thunderbird", "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 "
        "crond(pam_unix)[2915]: session closed for user root",
        "2005-11-09T20:01:01", "", "session closed for user root",
        {"label": None, "node": "dn228", "tag": "crond(pam_unix)", "pid": "2915"},
    ), (
        "rfc5424", "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        '[exampleSDID@32473 iut="3" eventSource="Appl]ication"] An event 5',
        "2003-10-11T22:14:15.003", "notice", "An event 0",
        {"host": "mymachine.example.com", "tag": "evntslog", "pid": None, "msgid": "ID47"},
    ), (
        "syslog_iso", "2023-05-06T07:08:09.123456+02:00 web-1 sshd[4711]: Invalid user bob 9",
        "2023-05-06T05:08:09.123", "", "Invalid user bob 0", {"host": "web-1", "pid": "4711"},
    ), (
        "windows", "2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack v6.1",
        "2016-09-28T04:30:30", "Info", "Loaded Servicing Stack v0.0", {"component": "CBS"},
    ), (
        "healthapp", "20171223-22:15:35:11|Step_SPUtils|30002312| getTodayTotal = 15##70",
        "2017-12-23T22:15:35.011", "", " getTodayTotal = 0##0", {"component": "Step_SPUtils"},
    ), (
        "hpc", "460978 node-246 unix.hw state_change.unavailable 1084680778 1 Component down 3",
        "2004-05-16T04:12:58", "", "Component down 0", {"node": "node-246", "component": "unix.hw"},
    ), (
        "cri", "2016-10-06T00:17:09.669794202Z stderr F The content of entry 1",
        "2016-10-06T00:17:09.669", "", "The content of entry 0", {"stream": "stderr"},
    ), (
        "apache_error", "[Sun Dec 04 04:47:44 2005] [error] [client 10.0.0.7] mod_jk child 6",
        "2005-12-04T04:47:44", "error", "mod_jk child 0", {"client": "10.0.0.7"},
    ), (
        "apache_error", "[Fri Sep 09 10:42:29.902022 2011] [core:warn] [pid 35708:tid 4328636416] "
        "[client 72.15.99.187:80] File does not exist: /favicon.ico",
        "2011-09-09T10:42:29.902", "warn", "File does not exist: /favicon.ico",
        {"module": "core", "pid": "35708", "client": "72.15.99.187:80"},
    ), (
        "nginx_error", "2023/01/02 12:00:00 [error] 1234#5678: *90 open() failed (2: No such file)",
        "2023-01-02T12:00:00", "error", "open() failed (0: No such file)", {"connection": "90"},
    ), (
        "openstack", f"nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO {API} "
        f"[{REQUEST} 113d3a99 54fadb41 - - -] 10.11.10.1 status: 200",
        "2017-05-16T00:00:00.008", "INFO", "0.0.0.0 status: 0",
        {"request": REQUEST, "pid": "25746", "logfile": "nova-api.log.1.2017-05-16_13:53:08"},
    ), (
        "postgres", "2023-01-02 12:00:00.123 UTC [77] app@shop LOG:  statement took 5 ms",
        "2023-01-02T12:00:00.123", "LOG", "statement took 0 ms",
        {"pid": "77", "user": "app", "database": "shop"},
    ), (
        "mysql", "2023-01-02T12:00:00.123456Z 0 [Warning] [MY-010116] [Server] starting as 12",
        "2023-01-02T12:00:00.123", "Warning", "starting as 0", {"code": "MY-010116"},
    ), (
        "redis", "1234:M 02 Jan 2023 12:00:00.123 * Ready to accept 5 connections",
        "2023-01-02T12:00:00.123", "*", "Ready to accept 0 connections", {"role": "M"},
    ), (
        "python", "2015-10-18 18:01:47,978 - app.db - ERROR - query 7 failed",
        "2015-10-18T18:01:47.978", "ERROR", "query 0 failed", {"component": "app.db"},
    ), (
        "python_default", "WARNING:root:disk at 97 %", None, "WARNING", "disk at 0 %",
        {"component": "root"},
    ), (
        "flask", "[2015-10-18 18:01:47,978] ERROR in app: query 7 failed",
        "2015-10-18T18:01:47.978", "ERROR", "query 0 failed", {"component": "app"},
    ), (
        "gunicorn", "[2015-10-18 18:01:47 +0200] [1234] [INFO] Booting worker with pid: 1234",
        "2015-10-18T16:01:47", "INFO", "Booting worker with pid: 0", {"pid": "1234"},
    ), (
        "rails", "I, [2015-10-18T18:01:47.978123 #1234]  INFO -- : Started GET for 7",
        "2015-10-18T18:01:47.978", "INFO", "Started GET for 0", {"pid": "1234"},
    ), (
        "time_level", "2015-10-18T18:01:47Z INFO hello 5", "2015-10-18T18:01:47", "INFO",
        "hello 0", {},
    ), (
        "time_level", "[18.10.2015 18:01:47] [warn] hello 5", "2015-10-18T18:01:47", "warn",
        "hello 0", {},
    ), (
        "time_level", "2015-10-18 18:01:47 hello 5", "2015-10-18T18:01:47", "", "hello 0", {},
    ), (
        "time_level", "2015-10-18 18:01:47,500|ERROR|hello 5", "2015-10-18T18:01:47.500", "ERROR",
        "hello 0", {},
    ), (
        "level_time", "[INFO] [2015-10-18 18:01:47] hello 5", "2015-10-18T18:01:47", "INFO",
        "hello 0", {},
    ), (
        "level_time", "WARN|2015-10-18T18:01:47+02:00|hello 5", "2015-10-18T16:01:47", "WARN",
        "hello 0", {},
    ), (
        "epoch_level", "1118543583.25 DEBUG: hello 5", "2005-06-12T02:33:03.250", "DEBUG",
        "hello 0", {},
    ), (
        "level", "ERROR: hello 5", None, "ERROR", "hello 0", {},
    ), (
        "json", '{"@timestamp":"2024-01-02T03:04:05.678Z","log":{"level":"warn"},'
        '"message":"user 5 left","http":{"status":200}}',
        "2024-01-02T03:04:05.678", "warn", "user 0 left", {"http.status": "200"},
    ), (
        "json", '{"level":50,"time":1531171074631,"pid":657,"hostname":"h","msg":"hello 5","v":1}',
        "2018-07-09T21:17:54.631", "error", "hello 0", {"pid": "657"},
    ), (
        "json", '{"__REALTIME_TIMESTAMP":"1423944916375353","PRIORITY":"4","MESSAGE":"GSS off 12",'
        '"_PID":"12"}',
        "2015-02-14T20:15:16.375", "warning", "GSS off 0", {"_PID": "12"},
    ), (
        "json", '{"t":{"$date":"2020-05-01T15:16:17.180+00:00"},"s":"I","c":"NETWORK",'
        '"msg":"Connection 5 accepted","attr":{"connectionId":5}}',
        "2020-05-01T15:16:17.180", "I", "Connection 0 accepted", {"attr.connectionId": "5"},
    ), (
        "json", '{"ts":1531687187.123,"uid":"CNPwXs","id.orig_h":"10.0.0.1","proto":"tcp",'
        '"conn_state":"SF"}',
        "2018-07-15T20:39:47.123", "", "proto=tcp conn_state=SF", {"id.orig_h": "10.0.0.1"},
    ), (
        "audit", "type=SYSCALL msg=audit(1709287200.123:456): arch=c000003e syscall=59 success=yes",
        "2024-03-01T10:00:00.123", "",
        "type=SYSCALL msg=audit(0.0:0): arch=0aaaaaaa syscall=0 success=yes",
        {"type": "SYSCALL", "serial": "456"},
    ), (
        "postgres", "2024-03-01 10:00:00.123 +01 [1234] ERROR:  no 7",
        "2024-03-01T09:00:00.123", "ERROR", "no 0", {"pid": "1234"},
    ), (
        "mysql", "2024-03-01T10:00:00.123456Z 0 [ERROR] [MY-010119] [Server] Aborting 5",
        "2024-03-01T10:00:00.123", "ERROR", "Aborting 0", {"component": "Server"},
    ), (
        "env_logger", "[2024-03-01T10:00:00Z INFO  app::x] started 5",
        "2024-03-01T10:00:00", "INFO", "started 0", {"component": "app::x"},
    ), (
        "jvm", "[2024-03-01T10:00:00.123+0000][0.012s][info][gc,init] Using G1 5",
        "2024-03-01T10:00:00.123", "info", "Using G0 0", {"component": "gc,init"},
    ), (
        "zone_level", "[2024-03-01 10:00:00.123456 +0100] I [MSGID: 100030] started 5",
        "2024-03-01T09:00:00.123", "", "I [MSGID: 0] started 0", {},
    ), (
        "zone_level", "2024-03-01 10:00:00 +0100 INFO hi 5", "2024-03-01T09:00:00", "INFO",
        "hi 0", {},
    ), (
        "compose", "web_1    | 2024-03-01 10:00:00 INFO hi 5", "2024-03-01T10:00:00", "INFO",
        "hi 0", {"service": "web_1"},
    ), (
        "android_brief", "W/System.err(  123): no 5", None, "W", "no 0", {"tag": "System.err"},
    ), (
        "time_level", "3/1/2024 1:02:03 PM Error: disk full", "2024-03-01T13:02:03", "Error",
        "disk full", {},
    ), (
        "time_level", "2024-03-01 12:02:03.5 AM Info ok", "2024-03-01T00:02:03.500", "Info",
        "ok", {},
    ), (
        "time_level", "2024-03-01T10:00:00.123+0100\tINFO\tserver/main.go:12\tstarted",
        "2024-03-01T09:00:00.123", "INFO", "server/main.go:0\tstarted", {},
    ), (
        "time_level", "\x1b[32m2024-03-01T10:00:00Z\x1b[0m \x1b[1;33mWARN\x1b[0m slow 5",
        "2024-03-01T10:00:00", "WARN", "slow 0", {},
    ), (
        "rfc5424", "<165>1 2024-03-01T10:00:02Z host app - - -", "2024-03-01T10:00:02", "notice",
        "", {"tag": "app"},
    ), (
        "json", '{"ts":"2024-03-01T10:00:00Z","msg":{"text":"hi 5","code":7}},',
        "2024-03-01T10:00:00", "", "hi 0", {"msg.code": "7"},
    ), (
        "logfmt", "date=2024-03-01 time=10:00:00 devname=fw level=warning msg=bad",
        "2024-03-01T10:00:00", "warning", "bad", {"devname": "fw"},
    ), (
        "logfmt", 'time="2016-02-04T10:11:12Z" err="x level=bad y" level=info msg="up \\"5\\" s"',
        "2016-02-04T10:11:12", "info", 'up "0" s', {"err": "x level=bad y"},
    ),
]  # fmt: skip
# Their times count from when something began.
UPTIME = [
    (
        "jvm_uptime", "[0.123s][info][gc,heap     ] GC(3) Eden regions: 5->0",
        "1970-01-01T00:00:00.123", "info", "GC(0) Eden regions: 0->0", {"component": "gc,heap"},
    ), (
        "syslog_uptime", "[    5.123456] web01 systemd[1]: Started Session 5.",
        "1970-01-01T00:00:05.123", "", "Started Session 0.", {"host": "web01", "pid": "1"},
    ), (
        "xorg", "[    12.345] (EE) Failed to load module 5", "1970-01-01T00:00:12.345", "EE",
        "Failed to load module 0", {},
    ), (
        "uptime_level", "[    1.234567] usb 1-2: new device 5", "1970-01-01T00:00:01.234", "",
        "usb 0-0: new device 0", {},
    ), (
        "logrus", "ERRO[0005] failed 5            size=7", "1970-01-01T00:00:05", "ERRO",
        "failed 0            size=0", {},
    ),
]  # fmt: skip
# Their times lack the year.
UNDATED = [
    (
        "syslog_local", "<30>Mar  1 10:00:00 app[123]: started 5",
        (3, 1, 10, 0, 0), "info", "started 0", {"tag": "app", "pid": "123"},
    ), (
        "syslog", "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user 5",
        (6, 14, 15, 16, 1), "", "check pass; user 0",
        {"host": "combo", "tag": "sshd(pam_unix)", "pid": "19939"},
    ), (
        "syslog", "<34>Oct  1 22:14:15 mymachine su: failed for lonvick",
        (10, 1, 22, 14, 15), "crit", "failed for lonvick", {"tag": "su", "pid": None},
    ), (
        "syslog", "Jul  1 09:00:55 calvisitor-10-105-160-95 kernel[0]: IOThunderboltSwitch<0>(0x0)",
        (7, 1, 9, 0, 55), "", "IOThunderboltSwitch<0>(0x0)", {"pid": "0"},
    ), (
        "syslog", "Jun 14 15:16:01 combo last message repeated 3 times",
        (6, 14, 15, 16, 1), "", "last message repeated 0 times", {"tag": None},
    ), (
        "android", "03-17 16:13:38.811  1702  2395 D WindowManager: printFreezing 5",
        (3, 17, 16, 13, 38), "D", "printFreezing 0", {"tid": "2395", "tag": "WindowManager"},
    ), (
        "proxifier", "[10.30 16:49:06] chrome.exe *64 - proxy.cse.cuhk.edu.hk:5070 open",
        (10, 30, 16, 49, 6), "", "proxy.cse.cuhk.edu.hk:0 open", {"program": "chrome.exe"},
    ), (
        "klog", "E0102 15:04:05.000001       1 file.go:123] it failed 5 times",
        (1, 2, 15, 4, 5), "E", "it failed 0 times", {"pid": "1", "file": "file.go", "at": "123"},
    ), (
        "cisco", "*May  6 10:00:00.123: %LINK-3-UPDOWN: Interface Gi0/5, changed state to up",
        (5, 6, 10, 0, 0), "err", "UPDOWN: Interface Gi0/0, changed state to up", {"host": None},
    ), (
        "syslog", "May  6 10:00:00  srx1 kernel: [    5.123456] link up 5",
        (5, 6, 10, 0, 0), "", "link up 0", {"host": "srx1", "tag": "kernel"},
    ), (
        "time_level", "05/06-10:00:00.123456  [**] [1:5:7] scan", (5, 6, 10, 0, 0), "",
        "[**] [0:0:0] scan", {},
    ), (
        "time_level", "Jun 14 15:16:01 [info] hello 5", (6, 14, 15, 16, 1), "info", "hello 0", {},
    ),
]  # fmt: skip

TABLES = {
    "csv": (
        'time,level,message,id\n2024-01-01 10:00:00,INFO,"user 5, ok",1\n'
        '2024-01-01 10:00:01,ERROR,"two\nlines",2\n2024-01-01 10:00:02,INFO,end,3\n',
        [2, 3, 5], ["user 0, ok", "two", "end"], {"id": ["1", "2", "3"]},
    ),
    "zeek": (
        "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tproto\tservice\n"
        "#types\ttime\tstring\taddr\tenum\tstring\n"
        "1300475167.096535\tCX\t10.0.0.1\tudp\tdns\n1300475168.853899\tCC\t10.0.0.2\tudp\t-\n"
        "#close\t2011-03-18-19-06-13\n",
        [4, 5], ["proto=udp service=dns", "proto=udp"], {"service": ["dns", None]},
    ),
    "w3c": (
        "#Software: Internet Information Services\n#Fields: date time s-ip cs-method sc-status\n"
        "2014-07-08 00:00:01 10.0.0.1 GET 200\n2014-07-08 00:00:02 10.0.0.1 GET 500\n",
        [3, 4], [f"cs-method=GET sc-status={what}" for what in ("success", "server-error")],
        {"sc-status": ["200", "500"]},
    ),
    "apt": (
        "\nStart-Date: 2024-05-06  10:00:00\nCommandline: apt-get install a\nInstall: a:b (1.2)\n"
        "End-Date: 2024-05-06  10:00:05\n\nStart-Date: 2024-05-06  11:00:00\nRemove: a:b (1.2)\n",
        [2, 7], ["Install: a:b (0.0)", "Remove: a:b (0.0)"], {},
    ),
    "ossec": (
        "** Alert 1714989600.123: - syslog,sshd,\n2024 May 06 10:00:00 web->/var/log/auth.log\n"
        "Rule: 5716 (level 5) -> 'failed'\nMay  6 10:00:00 web sshd[7]: Failed\n\n"
        "** Alert 1714989601.456: mail  - syslog,\n2024 May 06 10:00:01 web->/var/log/auth.log\n"
        "Rule: 5501 (level 3) -> 'opened'\n",
        [1, 6], ["Rule: 0 (level 0) -> 'failed'", "Rule: 0 (level 0) -> 'opened'"],
        {"groups": ["syslog,sshd", "syslog"]},
    ),
    "mysql_slow": (
        "# Time: 2024-05-06T10:00:00.123456Z\n# User@Host: app[app] @  [10.0.0.7]  Id:    5\n"
        "SET timestamp=1714989600;\nSELECT a,\n  b FROM t WHERE id=7;\n"
        "# Time: 2024-05-06T10:00:09.123456Z\n# User@Host: app[app] @  [10.0.0.7]  Id:    6\n"
        "use shop;\nSET timestamp=1714989609;\nUPDATE t SET a=7;\n",
        [1, 6], ["SELECT a,", "UPDATE t SET a=0;"], {},
    ),
    "erlang": (
        "=INFO REPORT==== 6-May-2024::10:00:00.123456 ===\n    application: mnesia\n"
        "    exited: x\n\n"
        "=ERROR REPORT==== 6-May-2024::10:00:01.123456 ===\n** Connection attempt from 7\n",
        [1, 5], ["application: mnesia", "** Connection attempt from 0"], {},
    ),
    "cloudfront": (
        "#Version: 1.0\n#Fields: date time x-edge-location c-ip cs-method sc-status\n"
        "2024-05-06\t10:00:00\tLAX1 a\t10.0.0.7\tGET\t200\n"
        "2024-05-06\t10:00:01\tLAX1 a\t10.0.0.7\tGET\t404\n",
        [3, 4], [f"cs-method=GET sc-status={what}" for what in ("success", "client-error")],
        {"c-ip": ["10.0.0.7"] * 2, "x-edge-location": ["LAX1 a"] * 2},
    ),
    "states": (
        "#separator \\x09\n#fields\tts\tuid\tproto\tconn_state\n#types\ttime\tstring\tenum\tstring\n"
        "1300475167.096535\tCX\tudp\tS0\n1300475168.853899\tCC\tudp\tS1\n",
        [4, 5], ["proto=udp conn_state=S₀", "proto=udp conn_state=S₁"],
        {"conn_state": ["S0", "S1"]},
    ),
    "verbose": (
        "Mon 2024-05-06 10:00:00.123456 UTC [s=73;i=4e;b=4b;m=6a;t=61;x=f1]\n    PRIORITY=6\n"
        "    MESSAGE=session closed for user 12\n    _PID=19351\n"
        "Mon 2024-05-06 10:00:01.123456 UTC [s=73;i=4f;b=4b;m=6a;t=61;x=f1]\n    _PID=7\n"
        "    MESSAGE=up 5\n",
        [3, 7], ["session closed for user 0", "up 0"], {"_PID": ["19351", "7"]},
    ),
    "journal": (
        "__CURSOR=s=739a;i=4ece7\n__REALTIME_TIMESTAMP=1342540861416351\nPRIORITY=6\n"
        "MESSAGE=session closed for user 12\n_PID=19351\n\n"
        "__CURSOR=s=739a;i=4ece8\n__REALTIME_TIMESTAMP=1342540861416351\nMESSAGE=up 5\n_PID=7\n",
        [4, 9], ["session closed for user 0", "up 0"], {"_PID": ["19351", "7"]},
    ),
}  # fmt: skip


def read(tmp_path, text, fields=(), **options):
    path = tmp_path / "app.log"
    path.write_text(text)
    reader = RecordReader(path, fields=list(fields), **options)
    (batch,) = reader
    return batch, reader


def check(tmp_path, known, line, level, message, fields):
    assert recognise([line] * 3)[0][0].name == known
    batch, reader = read(tmp_path, f"{line}\n" * 3, fields)
    assert (reader.format.name, len(batch)) == (known, 3)
    assert set(reader.report.counts) == set()
    kinds = batch.kinds.gather(batch.kind)
    assert kinds["level"].to_list() == [level] * 3
    assert kinds["message"].to_list() == [message] * 3
    assert {name: values[0] for name, values in batch.fields.items()} == fields
    return batch, reader


@pytest.mark.parametrize(
    ("known", "line", "time", "level", "message", "fields"),
    [*LINES, *UPTIME],
    ids=[c[0] for c in (*LINES, *UPTIME)],
)
def test_a_line_is_recognised_and_read(tmp_path, known, line, time, level, message, fields):
    batch, reader = check(tmp_path, known, line, level, message, fields)
    wanted = NO_TIME
    if time is not None:
        wanted = round(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)
    assert batch.time.tolist() == [wanted] * 3
    notes = " ".join(reader.report.notes)
    assert ("a start that it does not name" in notes) == (known in {case[0] for case in UPTIME})
    assert bool(notes) == (known in {case[0] for case in UPTIME})


@pytest.mark.parametrize(
    ("known", "line", "moment", "level", "message", "fields"), UNDATED, ids=[c[0] for c in UNDATED]
)
def test_a_line_without_a_year_is_of_the_last_one(
    tmp_path, known, line, moment, level, message, fields
):
    batch, reader = check(tmp_path, known, line, level, message, fields)
    found = datetime.fromtimestamp(batch.time[0] / 1000, UTC)
    assert (found.month, found.day, found.hour, found.minute, found.second) == moment
    assert (datetime.now(UTC) - found).days in range(-1, 367)
    assert "times without a year" in reader.report.notes[0]


@pytest.mark.parametrize("case", TABLES)
def test_formats_that_name_their_values_in_the_file(tmp_path, case):
    text, lines, messages, fields = TABLES[case]
    known = {"cloudfront": "w3c", "states": "zeek", "verbose": "journal"}.get(case, case)
    batch, reader = read(tmp_path, text, fields)
    assert reader.format.name == known
    assert batch.line.tolist() == lines
    assert batch.kinds["message"].gather(batch.kind).to_list() == messages
    assert {name: values.to_list() for name, values in batch.fields.items()} == fields
    assert (batch.time != NO_TIME).all()
    again, told = read(tmp_path, text, fields, format=known)
    assert told.format == reader.format
    assert told.report.notes == []
    assert again.time.tolist() == batch.time.tolist()


def test_every_format_has_a_line_here_and_its_fields_exist():
    shown = {case[0] for case in (*LINES, *UPTIME, *UNDATED)} | set(TABLES)
    shown -= {"cloudfront", "states", "verbose"}
    others = {"combined", "common", "plain", "jul", "dotnet"}  # have tests of their own
    assert shown | others == {known.name for known in FORMATS}
    for known in FORMATS:
        assert set(known.counted) <= set(known.fields) | {d.name for d in known.derived}
        assert get_format(known.name.upper()) is known


@pytest.mark.parametrize("name", ["Apache", "HDFS", "Hadoop", "Linux", "OpenSSH", "OpenStack"])
def test_the_real_samples_are_read_whole(data_dir, name):
    wanted = {"Apache": "apache_error", "Linux": "syslog", "OpenSSH": "syslog"}
    reader = RecordReader(data_dir / "loghub-2k" / f"{name}_2k.log.gz")
    batches = list(reader)
    assert reader.format.name == wanted.get(name, name.lower())
    assert sum(map(len, batches)) == 2000
    assert all((batch.time != NO_TIME).all() for batch in batches)
    assert not [what for what in reader.report.counts if "not in the" in what]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("BGL", "bgl"),
        ("HealthApp", "healthapp"),
        ("Spark", "spark"),
        ("Thunderbird", "thunderbird"),
    ],
)
def test_the_real_samples_of_clusters_and_devices_too(data_dir, name, known):
    reader = RecordReader(data_dir / "loghub-2k" / f"{name}_2k.log.gz")
    batches = list(reader)
    assert (reader.format.name, sum(map(len, batches))) == (known, 2000)
    assert all((batch.time != NO_TIME).all() for batch in batches)


def test_lines_of_a_trace_do_not_count_against_a_format():
    head = "2015-10-18 18:01:47,978 ERROR [main] a.B: failed"
    fits = recognise([head, "java.io.IOException: x", *["\tat a.B.c(D.java:1)"] * 30, head])
    assert fits[0][0].name == "hadoop"
    assert fits[0][1] == 1.0


def test_numbers_are_no_times_unless_they_may_be():
    assert recognise(["5 22 11", "7 22"])[0][0].name == "plain"
    assert recognise(["123456789 item 5"] * 3)[0][0].name == "plain"
    assert recognise(["1118543583 started", "1118543599 ended"])[0][0].name == "epoch_level"


def test_a_format_may_be_a_pattern(tmp_path):
    pattern = r"^A\|(?P<date>\d{4}-\d{2}-\d{2})\|(?P<time>[\d:]+)\|(?P<id>\d{2})\|(?P<message>.*)$"
    lines = ["A|2024-01-01|10:00:00|12|hello 5", "A|2024-01-01|10:00:01|13|by", "  more"]
    text = "\n".join([*lines, "2024-01-01 00:00:00 odd"])
    batch, reader = read(tmp_path, text, ["id"], format=pattern)
    assert reader.format_name == pattern  # what a model remembers
    assert batch.line.tolist() == [1, 2, 4]
    assert batch.fields["id"].to_list() == ["12", "13", None]
    start = int(datetime(2024, 1, 1, 10, tzinfo=UTC).timestamp() * 1000)
    assert batch.time.tolist() == [start, start + 1000, NO_TIME]
    assert batch.kinds["message"].gather(batch.kind).to_list()[0] == "hello 0"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(?P<messag>.*)", "no group"),
        (r"(?P<message>.*", "not a pattern"),
        (r"(?P<message>a(?=b))", "look-around"),
    ],
)
def test_a_pattern_that_is_none_is_a_usage_error(pattern, message):
    with pytest.raises(UsageError, match=message) as caught:
        get_format(pattern)
    assert "\n" not in str(caught.value)


def test_json_that_is_cut_or_hostile_is_kept(tmp_path):
    lines = ['{"msg":"a 1","time":1531171074631}', '{"msg":"a', "[" * 5000, '{"msg":{"x":1}}', "{}"]
    batch, reader = read(tmp_path, "\n".join([lines[0], *lines]) + "\n")
    assert reader.format.name == "json"
    assert batch.line.tolist() == [1, 2, 3, 4, 5, 6]
    assert reader.report.counts["lines not in the JSON lines format (kept)"] == 2
    assert batch.kinds["message"].gather(batch.kind).to_list()[-2:] == ['{"x":0}', "{}"]


def test_records_without_a_message_say_what_else_they_hold(tmp_path):
    lines = [
        'ts=2024-03-01T10:00:00Z level=info msg="up 5"',
        'ts=2024-03-01T10:00:01Z level=error err="deadline 5 exceeded" component=x',
    ]
    batch, reader = read(tmp_path, "\n".join(lines) + "\n")
    assert batch.kinds["message"].gather(batch.kind).to_list() == [
        "up 0",
        "err=deadline 0 exceeded",
    ]
    assert reader.report.counts == {}


def test_a_container_runtime_gives_out_the_headers_of_programs(tmp_path):
    lines = [
        "2024-05-06T10:00:00.123456789Z stderr F E0506 10:00:00.123456       1 a.go:77] failed 5",
        "2024-05-06T10:00:01.123456789Z stderr F I0506 10:00:01.123456       1 a.go:12] up 5",
        "2024-05-06T10:00:02.123456789Z stderr F goodbye 5",
    ]
    batch, reader = read(tmp_path, "\n".join(lines) + "\n", ["stream", "file"])
    assert reader.format.name == "cri"
    kinds = batch.kinds.gather(batch.kind)
    assert kinds["level"].to_list() == ["E", "I", ""]
    assert kinds["message"].to_list() == ["failed 0", "up 0", "goodbye 0"]
    assert batch.fields["file"].to_list() == ["a.go", "a.go", None]
    assert batch.time[2] == datetime(2024, 5, 6, 10, 0, 2, 123000, UTC).timestamp() * 1000


def test_what_containers_log_may_be_an_object_in_a_text(tmp_path):
    lines = [
        {"log": json.dumps({"level": "warn", "msg": "slow 5", "id": 7}) + "\n", "stream": "stdout"},
        {"log": "plain 5\n", "stream": "stderr"},
    ]
    lines = [json.dumps({**line, "time": "2024-05-06T10:00:00.123456789Z"}) for line in lines * 2]
    batch, reader = read(tmp_path, "\n".join(lines) + "\n", ["log.id", "stream"])
    assert reader.format.name == "json"
    kinds = batch.kinds.gather(batch.kind)
    assert kinds.select("level", "message").rows() == [("warn", "slow 0"), ("", "plain 0")] * 2
    assert batch.fields["log.id"].to_list() == ["7", None] * 2
    assert (batch.time != NO_TIME).all()


def test_a_message_that_is_always_the_same_gives_way_to_what_was_asked(tmp_path):
    line = '{{"ts":{},"msg":"{}","request":{{"method":"GET","uri":"/"}},"status":{}}}'
    rows = [line.format(1714989600 + n, "handled request", 200 + 204 * (n % 2)) for n in range(30)]
    batch, _ = read(tmp_path, "\n".join(rows) + "\n")
    assert set(batch.kinds["message"]) == {
        f"request.method=GET status={what}" for what in ("success", "client-error")
    }
    rows = [line.format(1714989600 + n, f"handled {'ab'[n % 2]}", 200) for n in range(30)]
    batch, _ = read(tmp_path, "\n".join(rows) + "\n")
    assert set(batch.kinds["message"]) == {"handled a", "handled b"}


def test_a_zone_that_is_a_name_is_said(tmp_path):
    batch, reader = read(tmp_path, "2024-03-01 10:00:00.123 CET [1234] LOG:  ready\n" * 2)
    assert reader.format.name == "postgres"
    assert batch.time[0] == datetime(2024, 3, 1, 10, 0, 0, 123000, UTC).timestamp() * 1000
    assert "times of the zone CET" in reader.report.notes[0]


def test_where_the_first_line_says_who_speaks_the_next_one_says_what(tmp_path):
    lines = ["info: Microsoft.Hosting.Lifetime[14]", "      Now listening on: http://x:5000"]
    batch, reader = read(tmp_path, "\n".join(lines * 2) + "\n")
    assert reader.format.name == "dotnet"
    assert (
        batch.kinds.gather(batch.kind).select("level", "message").rows()
        == [("info", "Now listening on: http://x:0")] * 2
    )
    lines = ["Mar 01, 2024 1:00:00 PM com.acme.App main", "SEVERE: failed 5"]
    batch, reader = read(tmp_path, "\n".join(lines * 2) + "\n", ["component"])
    assert reader.format.name == "jul"
    kinds = batch.kinds.gather(batch.kind)
    assert kinds.select("level", "message").rows() == [("SEVERE", "failed 0")] * 2
    assert batch.fields["component"].to_list() == ["com.acme.App"] * 2
    assert batch.time[0] == datetime(2024, 3, 1, 13, tzinfo=UTC).timestamp() * 1000


def test_events_of_windows_as_csv(tmp_path):
    text = (
        "Level,Date and Time,Source,Event ID,Task Category\n"
        'Information,3/1/2024 10:00:00 AM,Security,4624,Logon,"Logged on.\n\nSubject: 5"\n'
        "Error,3/1/2024 1:00:01 PM,SCM,7034,None,The X service ended 5 times.\n"
    )
    batch, reader = read(tmp_path, text, ["Event ID"])
    assert reader.format.name == "csv"
    assert batch.fields["Event ID"].to_list() == ["4624", "7034"]
    kinds = batch.kinds.gather(batch.kind)
    assert kinds["level"].to_list() == ["Information", "Error"]
    assert kinds["message"].to_list() == ["Logged on.", "The X service ended 0 times."]
    assert batch.time[1] == datetime(2024, 3, 1, 13, 0, 1, tzinfo=UTC).timestamp() * 1000


def test_files_of_several_services_have_their_own_formats(tmp_path):
    (tmp_path / "a.log").write_text("2015-10-18 18:01:47,978 INFO [main] a.B: one\n" * 5)
    (tmp_path / "b.log").write_text('{"time":1531171074631,"level":"warn","msg":"two"}\n' * 5)
    (tmp_path / "c.log").write_text("2015-10-18 18:01:48,978 WARN [x] a.B: three\n  at y\n" * 5)
    reader = RecordReader(tmp_path, fields=["thread"])
    batches = list(reader)
    assert reader.format.name == "hadoop"
    assert [len(batch) for batch in batches] == [5, 5, 5]
    assert [batch.kinds["message"][0] for batch in batches] == ["one", "two", "three"]
    assert [batch.fields["thread"][0] for batch in batches] == ["main", None, "x"]
    assert all((batch.time != NO_TIME).all() for batch in batches)
    assert reader.report.notes == [f"{tmp_path / 'b.log'}: read as JSON lines"]
    alike = RecordReader(tmp_path, one_format=True)
    assert [batch.kinds["message"][0][:5] for batch in alike] == ["one", '{"tim', "three"]


def test_a_format_that_fits_nothing_is_said(tmp_path):
    _, reader = read(tmp_path, "5 apples\n" * 3, format="hadoop")
    assert reader.report.notes == ["no line looked at is in the Hadoop (log4j) format"]


def test_a_pattern_with_a_date_alone_has_times(tmp_path):
    batch, _ = read(tmp_path, "2024-03-01|a\n", format=r"^(?P<date>[\d-]+)\|(?P<message>.*)$")
    assert batch.time[0] == datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize("zone", ["", " +0100"])
def test_a_table_of_times_and_numbers_is_no_log(zone):
    rows = [f"2020-02-08 13:30:0{i}{zone};{i}.25;-1e-05;;nan" for i in range(9)]
    assert recognise(["datetime;flow;heat;volts;rate", *rows])[0][0].name == "plain"
    said = [f"2020-02-08 13:30:0{i}{zone};INFO;took {i} s" for i in range(9)]
    assert recognise(said)[0][0].name != "plain"
