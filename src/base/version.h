/* version.h - of the programs; that of the schema is in sql/version.sql. */
#ifndef VERSION_H
#define VERSION_H

#define VERSION "2.0"

#endif
