/* Chinook writes strings like this */
CREATE TABLE [people] ([id] INTEGER PRIMARY KEY, [name] NVARCHAR(40) DEFAULT N'nobody');

INSERT INTO [people] ([id], [name]) VALUES (1, N'Ada'), (2, N'N''Djamena');
INSERT INTO [people] SELECT 3, N'Grace' UNION ALL SELECT 4, n'Eve';
