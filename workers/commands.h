/*
 * Entry points of all commands; workers/main.c holds their table. argv[0] is the command's
 * own name. Each returns an exit code.
 */
#ifndef PARSTOCK_WORKERS_COMMANDS_H
#define PARSTOCK_WORKERS_COMMANDS_H

int apply_main(int argc, char **argv);
int audit_main(int argc, char **argv);
int baseline_main(int argc, char **argv);
int capacity_main(int argc, char **argv);
int catalog_main(int argc, char **argv);
int console_main(int argc, char **argv);
int dead_letters_main(int argc, char **argv);
int dev_broker_main(int argc, char **argv);
int docs_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int gateway_main(int argc, char **argv);
int import_main(int argc, char **argv);
int incidents_main(int argc, char **argv);
int levels_main(int argc, char **argv);
int migrate_main(int argc, char **argv);
int normalize_main(int argc, char **argv);
int notify_main(int argc, char **argv);
int packet_main(int argc, char **argv);
int policy_main(int argc, char **argv);
int push_main(int argc, char **argv);
int drift_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int resync_main(int argc, char **argv);
int resolve_main(int argc, char **argv);
int retention_main(int argc, char **argv);
int spot_checks_main(int argc, char **argv);
int topics_main(int argc, char **argv);
int troubleshoot_main(int argc, char **argv);
int undo_main(int argc, char **argv);
int up_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int webhooks_main(int argc, char **argv);
int week_main(int argc, char **argv);

#endif
